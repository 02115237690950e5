/** The mark before and after text that is code or laid out by hand, on a line of its own, as in Markdown. */
export const FENCE = "```";

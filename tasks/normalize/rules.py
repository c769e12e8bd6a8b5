"""Every rule that takes a line out or marks it, by the name a removal carries and a feed's settings may turn off."""

from __future__ import annotations

RULES = {
    "headline_copy": "The line is the headline, or says it again in other case, quotes, dashes or characters.",
    "headline_cut": "The line is the headline cut at its end or without the label in front, or that label above it.",
    "headline_wrapped": "The line is the headline with a label before it or a publisher's name behind it.",
    "headline_near": "The line says the headline with a word or two changed, and the same numbers.",
    "teaser_copy": "As above, for the teaser.",
    "teaser_cut": "The line is the beginning of the teaser, with or without an ellipsis.",
    "teaser_wrapped": "The line is the teaser with a label, a dateline or a read-more around it.",
    "teaser_near": "The line says the teaser with a word or two changed, and the same numbers.",
    "joined": "The line is headline and teaser in one.",
    "paragraph_copy": "The line is long and an earlier one says it; not where it comes back thrice with news between.",
    "paragraph_cut": "The line ends in an ellipsis, and another line begins with it and goes on.",
    "block_copy": "The line is short and stands beside the same repeated line in both places.",
    "pulled_quote": "The block, marked as a quotation, is nothing but words that a paragraph quotes.",
    "caption": "The line is a caption that is printed twice, or most of which a paragraph says.",
    "contents": "The line is one of three or more in a row that all come again as subheads; or key events with times.",
    "stub": "The line is what newsroom systems leave behind: labels, shares, read times, boxes, dates.",
    "menu": "The line belongs to a menu of the site, which shows by several of its words.",
    "related": "The line stands in a list of other stories below the text, under a label such as Related articles.",
    "learned": "Enough other articles of the source hold the line.",
    "pinned": "An operator pinned the line for the source.",
    "furniture": "The line is a byline, dateline, credit, correction or embargo, kept as that field; or contacts.",
    "sources": "A source note such as (name.example) leaves its sentence, and is kept with the place where it stood.",
    "dateline": "The dateline in front of the first paragraph, kept as that field; those of a round-up stay.",
    "sign_off": "The agency in brackets behind the last paragraph, kept as the credit; those of a round-up stay.",
    "publisher_suffix": "The publisher's name behind the headline.",
}

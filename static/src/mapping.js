// The visual editor of a mapping; loaded where a page has one.
import "./mapping/board.js";

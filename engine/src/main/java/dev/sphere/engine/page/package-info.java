/** Pages for the reader of a run: trees with scores, what was pruned, chosen and rejected side by side. */
package dev.sphere.engine.page;

/** Reads a cleaned answer as mathematics: text, tokens, expression. */
package dev.sphere.grade.parse;

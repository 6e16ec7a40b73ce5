/**
 * The final answer in a text, and an answer without what carries no meaning. Texts alone: nothing is read as
 * mathematics here.
 */
package dev.sphere.grade.extract;

/**
 * Answer grading: finds the final answer in a text, reads it as mathematics and says whether two answers mean the same.
 * Users call {@link dev.sphere.grade.AnswerGrader}. The way of an answer goes through four rooms: {@code extract}
 * finds it in its text and strips what carries no meaning, {@code parse} makes an expression of it, {@code value} knows
 * what expressions are and what they are worth, {@code compare} decides by rules for each kind of answer, with exact
 * rational arithmetic first and values at fixed points second. All of it is our own plain Java: nothing is evaluated as
 * code, no thread is started, and a step budget bounds the work whatever the input.
 */
package dev.sphere.grade;

/**
 * Answer grading: finds the final answer in a text, reads it as mathematics and says whether two answers mean the same.
 * The way of an answer: {@link dev.sphere.engine.grade.AnswerExtractor} finds it, {@code Cleaner} strips what carries
 * no meaning, {@code Lexer} and {@code Parser} make an expression of it, {@code Comparer} decides by rules for each kind
 * of answer, with exact rational arithmetic first and values at fixed points second. All of it is our own plain Java:
 * nothing is evaluated as code, no thread is started, and a step budget bounds the work whatever the input.
 */
package dev.sphere.engine.grade;

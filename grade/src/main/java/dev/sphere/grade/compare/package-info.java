/** Whether two answers mean the same, by a rule for each kind of answer. */
package dev.sphere.grade.compare;

#!/usr/bin/env bash
# Plants bugs one by one and shows that the tests notice each: lab/planted/*.txt say what, where and which tests.
#   lab/run planted-bugs                      all files
#   lab/run planted-bugs engine               lab/planted/engine.txt
#   lab/run planted-bugs engine uct tie       of that file the bugs whose name holds "uct" or "tie"
# The tree is not touched: a changed copy of the one source file is compiled in front of the class path. Exit status 0:
# every bug was noticed. Format of a file: blocks like this one; several "old" or "new" lines are lines in a row.
#   bug   uct-without-the-square-root
#   in    engine/src/main/java/dev/sphere/engine/search/SphereSearch.java uct
#   old   Math.sqrt(Math.log(n) / visits)
#   new   Math.log(n) / visits
#   tests engine SphereSearchTest,ThreeStagesTest
# "in" names the file and the method. "old" must stand exactly once in the file; indentation before its first line does not matter, after that it does.
# There may be several "tests" lines (a module and its test classes). A test class that the tree has not got is left
# out. Of a class with a case for each option of a command, Class#--option takes those of one option.
# Needs Maven and a JDK 25; it compiles the modules first. SECONDS_A_BUG=120 is how long the tests of one bug may take;
# tests that hang have noticed it too.
set -euo pipefail
cd "$(dirname "$0")/../.."
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mvn ${MAVEN_OPTIONS:--q} -B -pl lab -am -DskipTests test-compile \
  org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$work/classpath" 2>&1 \
  | grep -v '^WARNING' || [ -s "$work/classpath" ]
# The libraries; modules come as folders of classes, the changed class before them.
libraries=$(tr : '\n' < "$work/classpath" | grep '\.jar$' | paste -sd :)
"$java" --enable-native-access=ALL-UNNAMED -cp "lab/target/test-classes:$libraries" dev.sphere.lab.planted.PlantedBugs \
  "$work" "$libraries" "${SECONDS_A_BUG:-120}" "$@"

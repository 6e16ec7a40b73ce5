#!/usr/bin/env bash
# Runs the JMH benchmarks and reports ratios against the committed results. Reports only: a noisy machine fails nothing.
#
#   lab/run jmh [--update] [JMH's own arguments, for instance: Grading -f 1]
#
# Results go to lab/target/jmh.json; --update puts them in the place of the committed ones, lab/results/jmh.json, where
# those of benchmarks that were not run stay. SPHERE_NO_BUILD=1 takes the jars that are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
update=false; if [ "${1:-}" = --update ]; then update=true; shift; fi
mkdir -p lab/target
lab/java org.openjdk.jmh.Main -prof gc -rf json -rff lab/target/jmh.json -v EXTRA -o lab/target/jmh.log "$@"
results=lab/results/jmh.json
$update && into=$results || into=
lab/java dev.sphere.lab.jmh.Compare $results lab/target/jmh.json $into

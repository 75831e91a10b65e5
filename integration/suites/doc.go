// Command suites runs other people's tests and clients against a broker: Apache Kafka 4.3.1 (the oracle) or Troupe.
// What passes on Kafka must pass on Troupe.
//
// There are two kinds of suites. The public test suites of client libraries are copied out of the module cache and run as
// they are, by name; what they cannot show here is skipped by a list with a reason for each (skip/*.txt). Clients without
// such a suite, and Kafka's own tools, are driven by scripts of ours, each a list of named checks (java, js, python,
// sarama, tools*.go). Everything fetched lands in integration/.cache, which git ignores.
//
// Only tests that talk to the broker count. Which do is measured, not guessed: -target none runs a suite with nobody
// listening, and what does not pass then needs a broker (online/*.txt).
//
//	go run ./integration/suites -target kafka -suite all      # writes integration/.cache/suites/results/kafka/NAME.txt
//	go run ./integration/suites -target troupe -suite kgo     # the same for one suite against bin/broker
//	go run ./integration/suites -compare                      # both results side by side; exit code 1 if Troupe loses one
//
// A suite may be narrowed to names that match a regular expression: -only 'Group|Seek'. The results then go to the terminal only.
package main

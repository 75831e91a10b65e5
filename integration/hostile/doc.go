// Package hostile sends the real binary what strangers, broken clients and attackers send. Each row of the tables says what goes over the
// wire and what must come back: Kafka's answer, or a closed connection. Around each row the process is watched from outside: its
// time on the processor and the growth of its memory stay within bounds, an honest client is served meanwhile and afterwards.
package hostile

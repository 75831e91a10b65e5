// Package sim runs whole brokers on one goroutine, decided by one seed: the same actors that the real kit runs, on a
// virtual clock, with a network that drops and cuts, and with crashes. Only tests use it.
//
// # What a seed decides
//
// Each step handles one message of one mailbox, runs one function of a pool or blocker, fires one timer or delivers one
// network message. Which mailbox is next, how long each step takes, how late timers are, how long blocking work takes and
// when its result arrives, what the network does: all of it is drawn from the seed. Some actors of a run are lazy by
// choice of the seed: they are passed over most of the time, which brings out orders that fairness never would.
// Order between one sender and one receiver is kept, as in the real kit. The same seed gives the same trace
// (Sim.Hash), as long as the code above draws time and chance from its System only and never sends in the order of a map.
//
// # Nodes and crashes
//
// A Node is one broker process. It is booted by a function that spawns actors on the Life it is given. Crash drops its
// actors, timers and queued work at once; nobody is told and nothing is refused, as with kill -9. What had been started on a
// pool or blocker and had not run yet never runs. Restart boots a new Life. Refs of an old Life lead nowhere. Nodes talk
// through Net only. Fatal, and a panic in an actor without MayDie, end the node if OnFatal is set, else they fail the run.
//
// # What it finds by itself
//
// A second answer to an ask panics in the kit. Sim follows every message that embeds kit.Ask and reports those that
// never were answered (Unanswered). Checks are run after every step. A failing run names its seed, the last lines of its
// trace, and the command that repeats it.
//
// # Stories
//
// A Stage is a Sim without chance, for one actor among fake neighbours (Probe): what the actor sends is the output of
// the story's command. See Stories.
package sim

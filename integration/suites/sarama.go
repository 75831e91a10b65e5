package main

// saramaClient is a program of its own module, built into the cache.
var saramaClient = suite{
	name: "sarama", version: "v1.61.1",
	get: func(c cache) error { return command(source("sarama"), "go", "build", "-o", c.path("sarama"), ".") },
	run: func(j job) (results, error) { return runScript(j, j.cache.dir, j.cache.path("sarama")) },
}

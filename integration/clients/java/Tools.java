import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command-line tools one after the other in one JVM: a line of standard input is one of them, its class and its
 * arguments divided by blanks. After each, what the tool said goes to standard output without stack traces and log lines, and then
 * a line "-- exit CODE".
 */
public class Tools {
    private static final class Ended extends RuntimeException {
        final int code;

        Ended(int code) {
            super(null, null, false, false);
            this.code = code;
        }
    }

    private static final Pattern NOISE = Pattern.compile("^(\\s+at |Caused by: |java.util.concurrent.ExecutionException|Tools.Ended|\\[.*\\] (ERROR|WARN)|null$|\\s*$)");

    private static final Map<String, String> PACKAGES = Map.of(
        "ReassignPartitionsCommand", "org.apache.kafka.tools.reassign.",
        "ConsumerGroupCommand", "org.apache.kafka.tools.consumer.group.",
        "ConsoleConsumer", "org.apache.kafka.tools.consumer.",
        "ConfigCommand", "kafka.admin.");

    private static Integer exit; // the first code that the tool wanted to end with; it may catch our exception and end again

    public static void main(String[] args) throws Exception {
        Exit.Procedure ended = (code, message) -> {
            exit = exit == null ? code : exit;
            throw new Ended(code);
        };
        Exit.setExitProcedure(ended);
        Exit.setHaltProcedure(ended);
        PrintStream out = System.out;
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            PrintStream to = new PrintStream(said, true, StandardCharsets.UTF_8);
            System.setOut(to);
            System.setErr(to);
            exit = null;
            int code = run(line.trim().split(" +"), to);
            to.flush();
            for (String words : said.toString(StandardCharsets.UTF_8).split("\n")) {
                if (!NOISE.matcher(words).find()) {
                    out.println(words);
                }
            }
            out.println("-- exit " + (exit == null ? code : exit));
            out.flush();
        }
        Runtime.getRuntime().halt(0); // tools leave threads behind when they end early
    }

    private static int run(String[] words, PrintStream to) {
        try {
            Class<?> tool = Class.forName(PACKAGES.getOrDefault(words[0], "org.apache.kafka.tools.") + words[0]);
            tool.getMethod("main", String[].class).invoke(null, (Object) Arrays.copyOfRange(words, 1, words.length));
            return 0;
        } catch (java.lang.reflect.InvocationTargetException e) {
            Throwable cause = e.getCause();
            while (!(cause instanceof Ended) && cause.getCause() != null) {
                cause = cause.getCause();
            }
            if (cause instanceof Ended end) {
                return end.code;
            }
            to.println(cause);
            return 1;
        } catch (ReflectiveOperationException e) {
            to.println(e);
            return 1;
        }
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
import java.io.*;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.Random;
import java.util.logging.*;

/** Appends to the file in each of Java's ways; with a second argument it tries what is not appending. */
public class Append {
    public static void main(String[] args) throws Exception {
        String name = args[0];
        if (args.length > 1) {
            if (args[1].equals("overwrite"))
                new FileOutputStream(name).close();
            else
                new RandomAccessFile(name, "rw").close();
            return;
        }
        byte[] noise = new byte[300000];
        new Random(3).nextBytes(noise);
        try (FileOutputStream out = new FileOutputStream(name, true)) {
            for (int i = 0; i < 500; i++)
                out.write(("unbuffered " + i + "\n").getBytes(StandardCharsets.UTF_8));
            out.write(noise);
            out.getFD().sync();
        }
        try (PrintWriter out = new PrintWriter(new BufferedWriter(new FileWriter(name, StandardCharsets.UTF_8, true)))) {
            for (int i = 0; i < 3000; i++)
                out.println("buffered " + i);
            out.print("no newline");
        }
        try (FileChannel out = FileChannel.open(Path.of(name), StandardOpenOption.APPEND)) {
            for (int i = 0; i < 50; i++) {
                ByteBuffer data = ByteBuffer.wrap(noise, i * 1000, 1000 + i);
                while (data.hasRemaining())
                    out.write(data);
                if (i % 20 == 0)
                    out.force(false);
            }
            out.force(true);
        }
        Files.write(Path.of(name), "one\ntwo\n".getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE,
            StandardOpenOption.APPEND, StandardOpenOption.DSYNC);
        Logger logger = Logger.getLogger("test");
        logger.setUseParentHandlers(false);
        StreamHandler handler = new StreamHandler(new FileOutputStream(name, true), new Formatter() {
            @Override
            public String format(LogRecord entry) {
                return entry.getLevel() + " " + entry.getMessage() + "\n";
            }
        });
        logger.addHandler(handler);
        for (int i = 0; i < 100; i++) {
            logger.info("message " + i);
            handler.flush();
        }
        handler.close();
    }
}

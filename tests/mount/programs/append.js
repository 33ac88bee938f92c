// SPDX-License-Identifier: LGPL-2.1-or-later
// Appends to the file with each of node's ways.
'use strict';
const fs = require('fs');
const { once } = require('events');
const name = process.argv[2];

async function main() {
    for (let i = 0; i < 200; i++)
        await fs.promises.appendFile(name, `promise ${i}\n`);
    for (let i = 0; i < 200; i++)
        fs.appendFileSync(name, `sync ${i} ü\n`);
    await new Promise((resolve, reject) =>
        fs.appendFile(name, Buffer.alloc(100000, 'callback '), error => (error ? reject(error) : resolve())));

    const stream = fs.createWriteStream(name, { flags: 'a' });
    for (let i = 0; i < 5000; i++)
        if (!stream.write(`stream ${i} ${'x'.repeat(i % 100)}\n`))
            await once(stream, 'drain');
    stream.end('the end of the stream');
    await once(stream, 'close');

    const fd = fs.openSync(name, 'a');
    fs.writeSync(fd, Buffer.from([0, 1, 2, 255, 10, 13]));
    fs.fsyncSync(fd);
    fs.writevSync(fd, [Buffer.from('several '), Buffer.from('buffers\n')]);
    fs.fdatasyncSync(fd);
    fs.closeSync(fd);

    const handle = await fs.promises.open(name, 'as');
    await handle.write('synchronous\n');
    await handle.sync();
    await handle.close();
}

main().catch(error => {
    console.error(error);
    process.exit(1);
});

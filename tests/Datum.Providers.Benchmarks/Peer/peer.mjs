// One measurement of @kubernetes/client-node; prints one line of JSON. See ../Measured for its twins in C#.
// Usage: node --expose-gc peer.mjs informer|list|watch|follow KUBECONFIG NAMESPACE COUNT
import { readFileSync } from 'node:fs';
import { CustomObjectsApi, KubeConfig, Watch, makeInformer } from '@kubernetes/client-node';

const [mode, kubeconfig, namespace, countText] = process.argv.slice(2);
const count = Number(countText);
const kind = { group: 'compute.datumapis.com', version: 'v1alpha', namespace, plural: 'instances' };
const path = `/apis/${kind.group}/${kind.version}/namespaces/${namespace}/${kind.plural}`;
const sent = 'benchmarks.example.com/sent';
const again = 3;

const config = new KubeConfig();
config.loadFromFile(kubeconfig);

const now = () => Number(process.hrtime.bigint()) / 1e6;
const used = () => {
  global.gc();
  global.gc();
  return process.memoryUsage().heapUsed;
};
const peak = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
const print = (value) => process.stdout.write(JSON.stringify(value) + '\n');

const list = async () => {
  const answer = await config.makeApiClient(CustomObjectsApi).listNamespacedCustomObject(kind);
  return { held: answer, count: answer.items.length, stop: () => {} };
};

const informer = () =>
  new Promise((resolve, reject) => {
    const api = config.makeApiClient(CustomObjectsApi);
    const made = makeInformer(config, path, () => api.listNamespacedCustomObject(kind));
    let added = 0;
    made.on('add', () => {
      if (++added === count) resolve({ held: made, count: made.list().length, stop: () => made.stop() });
    });
    made.on('error', reject);
    made.start();
  });

// Version 0: the server first sends every object that there is as an event.
const watch = () =>
  new Promise((resolve, reject) => {
    const objects = new Map();
    let request;
    let seen = 0;
    new Watch(config)
      .watch(path, { resourceVersion: '0', allowWatchBookmarks: true, timeoutSeconds: 60 }, (type, object) => {
        if (type === 'BOOKMARK') return;
        objects.set(`${object.metadata.namespace}/${object.metadata.name}`, object);
        if (++seen === count) resolve({ held: objects, count: objects.size, stop: () => request?.abort() });
      }, (error) => error && seen < count && reject(error))
      .then((r) => (request = r));
  });

const measure = async (take) => {
  const timed = async () => {
    const cpu = process.cpuUsage();
    const since = now();
    const taken = await take();
    const ms = now() - since;
    const spent = process.cpuUsage(cpu);
    return { ms, cpuMs: (spent.user + spent.system) / 1e3, taken };
  };
  const before = used();
  let one = await timed();
  const result = { firstMs: one.ms, firstCpuMs: one.cpuMs, count: one.taken.count, peakKb: peak(), againMs: [], againCpuMs: [] };
  result.heldBytes = used() - before;
  one.taken.stop();
  for (let i = 0; i < again; i++) {
    one = undefined;
    used();
    one = await timed();
    result.againMs.push(one.ms);
    result.againCpuMs.push(one.cpuMs);
    one.taken.stop();
  }
  print(result);
  process.exit(0);
};

// Follows updates until the last one has come; each carries the time at which it was sent, on the machine's monotonic clock.
const follow = async () => {
  const api = config.makeApiClient(CustomObjectsApi);
  const made = makeInformer(config, path, () => api.listNamespacedCustomObject(kind));
  const latenciesUs = [];
  let added = 0;
  made.on('add', () => {
    if (++added === count) print({ ready: true });
  });
  made.on('update', (object) => {
    const stamp = object.metadata.annotations?.[sent];
    if (stamp === undefined) return;
    if (stamp === 'end') {
      print({ latenciesUs });
      process.exit(0);
    }
    latenciesUs.push(Number(process.hrtime.bigint() - BigInt(stamp)) / 1e3);
  });
  made.on('error', (error) => {
    throw error;
  });
  await made.start();
};

const modes = { list: () => measure(list), informer: () => measure(informer), watch: () => measure(watch), follow };
if (!modes[mode]) throw new Error(`unknown mode ${mode}`);
await modes[mode]();

using System.Diagnostics;
using System.Globalization;

namespace Datum.Providers.Engine.Tests.World;

/// <summary>
/// Tells when nothing runs on the thread pool any more. The engine awaits with ConfigureAwait(false), so its continuations can't be
/// pumped on one thread; all of its waiting is on the manual clock, so a pool that does nothing means an engine that waits for time.
/// </summary>
internal static class PoolIdle
{
    private static readonly OtherThreads Threads = new();

    public static void Wait()
    {
        var started = Stopwatch.GetTimestamp();
        // Two looks: at the moment of one a thread may wait for a collection of garbage to end. The first is at the pool's threads alone, which is cheap.
        for (var calm = 0; calm < 2; calm = ThreadPool.PendingWorkItemCount == 0 && Threads.Wait(all: calm == 1) && ThreadPool.PendingWorkItemCount == 0 ? calm + 1 : 0)
        {
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(60))
                Assert.Fail("The engine computes for a minute without waiting for time.");
            Thread.Yield();
        }
    }

    /// <summary>
    /// The process's threads but the one that asks, as the kernel sees them. A thread that the machine took the processor from is still runnable
    /// there, however long it has to wait for its turn; what the pool itself counts can't tell it from one that has ended its work. All of them,
    /// because a thread of the pool may wait for one that compiles in the background or collects garbage, and that hasn't woken it yet.
    /// </summary>
    private sealed class OtherThreads
    {
        private const string Tasks = "/proc/self/task";
        private readonly List<FileStream> _states = [];
        private readonly byte[] _buffer = new byte[512];
        private FileStream? _process;
        private int _pool;
        private string? _self;

        public bool Wait(bool all)
        {
            if (!OperatingSystem.IsLinux())
                throw new PlatformNotSupportedException("These tests ask Linux whether a thread waits.");
            if (_pool != ThreadPool.ThreadCount || (all && IsOutdated()))
            {
                Find();
                // One that has just begun has no name yet, and may be the one that works.
                if (_pool != ThreadPool.ThreadCount || IsOutdated())
                    return false;
            }
            for (var i = 0; i < (all ? _states.Count : _pool); i++)
            {
                if (StateOf(_states[i]) is not { } state)
                {
                    Find();
                    return false;
                }
                if (state is not 'S')
                    return false;
            }
            return true;
        }

        /// <summary>Whether threads have come or gone, or another one asks.</summary>
        private bool IsOutdated() => _self != Self() || _states.Count != Threads() - 1;

        /// <summary>PID/task/TID.</summary>
        private static string? Self() => new FileInfo("/proc/thread-self").LinkTarget;

        private void Find()
        {
            _states.ForEach(s => s.Dispose());
            _states.Clear();
            _pool = 0;
            _self = Self();
            var self = _self?[(_self.LastIndexOf('/') + 1)..];
            foreach (var task in Directory.EnumerateDirectories(Tasks))
            {
                try
                {
                    if (Path.GetFileName(task) == self)
                        continue;
                    var isOfPool = File.ReadAllText($"{task}/comm").StartsWith(".NET TP Worker", StringComparison.Ordinal);
                    _states.Insert(isOfPool ? _pool++ : _states.Count, Open($"{task}/stat"));
                }
                catch (IOException)
                {
                    // It ended meanwhile.
                }
            }
        }

        /// <summary>How many threads the process has: the eighteenth value after its name, see proc(5).</summary>
        private int Threads()
        {
            var text = Text(_process ??= Open("/proc/self/stat"));
            var after = text[(text.LastIndexOf((byte)')') + 2)..];
            var index = 0;
            foreach (var range in after.Split((byte)' '))
                if (index++ == 17)
                    return int.Parse(after[range], CultureInfo.InvariantCulture);
            throw new InvalidDataException("/proc/self/stat doesn't tell the number of threads.");
        }

        /// <summary>One letter as in proc(5): S sleeps, R runs or could; null when the thread has ended.</summary>
        private char? StateOf(FileStream file)
        {
            try
            {
                var text = Text(file);
                var name = text.LastIndexOf((byte)')');
                return name < 0 ? null : (char)text[name + 2];
            }
            catch (IOException)
            {
                return null;
            }
        }

        private ReadOnlySpan<byte> Text(FileStream file) => _buffer.AsSpan(0, RandomAccess.Read(file.SafeFileHandle, _buffer, 0));

        private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
    }
}

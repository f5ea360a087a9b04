using System.Diagnostics;

namespace Datum.Providers.Engine.Tests.World;

/// <summary>
/// Tells when nothing runs on the thread pool any more. The engine awaits with ConfigureAwait(false), so its continuations can't be
/// pumped on one thread; all of its waiting is on the manual clock, so a pool that does nothing means an engine that waits for time.
/// </summary>
internal static class PoolIdle
{
    private static readonly PoolThreads Threads = new();

    public static void Wait()
    {
        var started = Stopwatch.GetTimestamp();
        // Two looks: at the moment of one a thread may wait for a collection of garbage to end.
        for (var calm = 0; calm < 2; calm = ThreadPool.PendingWorkItemCount == 0 && Threads.AllWait() && ThreadPool.PendingWorkItemCount == 0 ? calm + 1 : 0)
        {
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(60))
                Assert.Fail("The engine computes for a minute without waiting for time.");
            Thread.Yield();
        }
    }

    /// <summary>
    /// The pool's threads as the kernel sees them. A thread that the machine took the processor from is still runnable there, however long
    /// it has to wait for its turn; what the pool itself counts can't tell it from one that has ended its work.
    /// </summary>
    private sealed class PoolThreads
    {
        private const string Tasks = "/proc/self/task";
        private readonly List<FileStream> _states = [];
        private readonly byte[] _buffer = new byte[256];

        public bool AllWait()
        {
            if (!OperatingSystem.IsLinux())
                throw new PlatformNotSupportedException("These tests ask Linux whether a thread waits.");
            if (_states.Count != ThreadPool.ThreadCount)
            {
                // One that has just begun has no name yet, and may be the one that works.
                Find();
                if (_states.Count != ThreadPool.ThreadCount)
                    return false;
            }
            foreach (var file in _states)
            {
                if (StateOf(file) is not { } state)
                {
                    Find();
                    return false;
                }
                if (state is not 'S')
                    return false;
            }
            return true;
        }

        private void Find()
        {
            _states.ForEach(s => s.Dispose());
            _states.Clear();
            foreach (var task in Directory.EnumerateDirectories(Tasks))
            {
                try
                {
                    if (File.ReadAllText($"{task}/comm").StartsWith(".NET TP Worker", StringComparison.Ordinal))
                        _states.Add(new FileStream($"{task}/stat", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0));
                }
                catch (IOException)
                {
                    // It ended meanwhile.
                }
            }
        }

        /// <summary>One letter as in proc(5): S sleeps, R runs or could; null when the thread has ended.</summary>
        private char? StateOf(FileStream file)
        {
            try
            {
                var length = RandomAccess.Read(file.SafeFileHandle, _buffer, 0);
                var name = _buffer.AsSpan(0, length).LastIndexOf((byte)')');
                return name < 0 ? null : (char)_buffer[name + 2];
            }
            catch (IOException)
            {
                return null;
            }
        }
    }
}

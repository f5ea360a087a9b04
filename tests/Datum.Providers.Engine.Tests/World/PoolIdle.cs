using System.Diagnostics;

namespace Datum.Providers.Engine.Tests.World;

/// <summary>
/// Tells when nothing runs on the thread pool any more. The engine awaits with ConfigureAwait(false), so its continuations can't be
/// pumped on one thread; all of its waiting is on the manual clock, so a pool that does nothing means an engine that waits for time.
/// </summary>
internal static class PoolIdle
{
    private static int _floor = Measure();

    public static void Wait()
    {
        var started = Stopwatch.GetTimestamp();
        // One calm moment may be a thread between two items that the machine took the processor from: several in a row aren't.
        for (var calm = 0; calm < 4; calm = IsIdle() ? calm + 1 : 0)
        {
            if (Stopwatch.GetElapsedTime(started) > TimeSpan.FromSeconds(60))
                Assert.Fail("The engine computes for a minute without waiting for time.");
            Thread.Yield();
        }
    }

    private static bool IsIdle()
    {
        if (ThreadPool.PendingWorkItemCount > 0)
            return false;
        var busy = Busy();
        _floor = Math.Min(_floor, busy);
        return busy <= _floor && ThreadPool.PendingWorkItemCount == 0;
    }

    private static int Busy()
    {
        ThreadPool.GetMaxThreads(out var max, out _);
        ThreadPool.GetAvailableThreads(out var available, out _);
        return max - available;
    }

    /// <summary>The test platform itself may keep pool threads for as long as the tests run.</summary>
    private static int Measure()
    {
        var started = Stopwatch.GetTimestamp();
        var least = int.MaxValue;
        while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromMilliseconds(200))
        {
            least = Math.Min(least, Busy());
            Thread.Yield();
        }
        return least;
    }
}

using System.Runtime.CompilerServices;

namespace Datum.Providers.Faults.Tests.Worker;

/// <summary>
/// Makes a process deterministic: its thread pool has one thread, and whatever a world does happens there, the world's own steps too. So the
/// order of continuations follows from the program alone, and "nothing runs any more" is "nothing is queued", without waiting for it.
/// </summary>
internal static class OneThread
{
    /// <summary>Needs <c>DOTNET_PROCESSOR_COUNT=1</c>: the pool takes no fewer threads than there are processors.</summary>
    public static void Enter()
    {
        if (!ThreadPool.SetMinThreads(1, 1) || !ThreadPool.SetMaxThreads(1, 1))
            throw new InvalidOperationException("The thread pool doesn't take one thread: start the process with DOTNET_PROCESSOR_COUNT=1.");
    }

    /// <summary>Goes on when the pool's queues are empty: everything else waits for time to move.</summary>
    public static IdleAwaitable Idle() => default;

    /// <summary>More turns than any real work takes between two moments.</summary>
    private const int MostTurns = 30_000;

    private static bool s_endless;

    internal readonly struct IdleAwaitable : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public IdleAwaitable GetAwaiter() => this;

        public void GetResult()
        {
            if (!s_endless)
                return;
            s_endless = false;
            throw new World.WorldException("The host computes on and on without waiting for time.");
        }

        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        // The shared queue is first in, first out, so what is queued now runs before us.
        public void UnsafeOnCompleted(Action continuation) => ThreadPool.UnsafeQueueUserWorkItem(new Waiting(continuation), preferLocal: false);
    }

    private sealed class Waiting(Action goOn) : IThreadPoolWorkItem
    {
        private int _turns;

        public void Execute()
        {
            s_endless = ++_turns > MostTurns;
            if (ThreadPool.PendingWorkItemCount > 0 && !s_endless)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            else
                goOn();
        }
    }
}

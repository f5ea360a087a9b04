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

    internal readonly struct IdleAwaitable : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public IdleAwaitable GetAwaiter() => this;

        public void GetResult()
        {
            // Nothing comes of it but the order.
        }

        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        // The shared queue is first in, first out, so what is queued now runs before us.
        public void UnsafeOnCompleted(Action continuation) => ThreadPool.UnsafeQueueUserWorkItem(new Waiting(continuation), preferLocal: false);
    }

    private sealed class Waiting(Action goOn) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            if (ThreadPool.PendingWorkItemCount > 0)
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            else
                goOn();
        }
    }
}

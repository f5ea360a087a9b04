using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TestDrivers;

/// <summary>Ends the process when it is probed.</summary>
public abstract class CrashingFactory() : ProbeFactory("special")
{
    public sealed override async ValueTask<string> DoAsync()
    {
        await Task.Yield();
        Crash();
        // Whatever ends the process may need a moment on another thread.
        await new TaskCompletionSource().Task;
        return "still there";
    }

    protected abstract void Crash();
}

public sealed class ThreadCrash : CrashingFactory
{
    protected override void Crash() => new Thread(() => throw new InvalidOperationException("thread, with the token canary-7f3e")).Start();
}

public sealed class AsyncVoidCrash : CrashingFactory
{
    protected override void Crash() => Later();

#pragma warning disable CA1822, VSTHRD100 // That is what it is about.
    private static async void Later()
    {
        await Task.Yield();
        throw new InvalidOperationException("async void");
    }
#pragma warning restore CA1822, VSTHRD100
}

public sealed class FinalizerCrash : CrashingFactory
{
    protected override void Crash()
    {
        Make();
        for (var i = 0; i < 20; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Make() => _ = new Doomed();

    private sealed class Doomed
    {
#pragma warning disable CA1065, CA1821 // That is what it is about.
        ~Doomed() => throw new InvalidOperationException("finalizer");
#pragma warning restore CA1065, CA1821
    }
}

public sealed class ExitCrash : CrashingFactory
{
    protected override void Crash() => Environment.Exit(7);
}

public sealed class FailFastCrash : CrashingFactory
{
    protected override void Crash() => Environment.FailFast("the driver gives up, with the token canary-7f3e");
}

public sealed class StackOverflowCrash : CrashingFactory
{
    protected override void Crash() => Depth(1);

#pragma warning disable CA2211, CA1822
    private static long Depth(long at) => at < 0 ? 0 : Depth(at + 1) + Depth(at + 2);
#pragma warning restore CA2211, CA1822
}

public sealed partial class NativeCrash : CrashingFactory
{
    protected override void Crash() => _ = StringLength(1);

    [LibraryImport("libc", EntryPoint = "strlen")]
    private static partial nint StringLength(nint text);
}

public sealed partial class AbortCrash : CrashingFactory
{
    protected override void Crash() => Abort();

    [LibraryImport("libc", EntryPoint = "abort")]
    private static partial void Abort();
}

/// <summary>Dies before the host knows it.</summary>
public sealed class ConstructorCrash : ProbeFactory
{
    public ConstructorCrash() : base("special") => Environment.FailFast("not even a constructor");

    public override ValueTask<string> DoAsync() => ValueTask.FromResult("never");
}

/// <summary>Does nothing wrong.</summary>
public sealed class QuietFactory() : ProbeFactory("special")
{
    public override ValueTask<string> DoAsync() => ValueTask.FromResult("quiet");
}

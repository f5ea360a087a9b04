namespace Datum.Providers.Host.Drivers;

/// <summary>One verb as the guard runs it.</summary>
/// <param name="Name">For messages and metrics.</param>
/// <param name="Start">Calls the driver.</param>
/// <param name="Finish">Checks the answer, or makes one that stands for it. May throw <see cref="DriverException"/> only.</param>
/// <param name="Late">Gets a value that comes after the call was given up; null when it is dropped.</param>
internal sealed record GuardedVerb<TArguments, TAnswer, TResult>(
    string Name, Func<TArguments, ValueTask<TAnswer>> Start, Func<GuardedCall, TArguments, Guarded<TAnswer>, TResult> Finish, Func<TAnswer, Task>? Late = null);

/// <summary>One verb of one session. Keeps the objects of calls that are over, so that a call allocates none.</summary>
internal sealed class GuardedPort<TArguments, TAnswer, TResult>(GuardedCall guard, GuardedVerb<TArguments, TAnswer, TResult> verb)
{
    // As many as callers can have under way at once in this process, about.
    private const int MostSpares = 16;

    private readonly Stack<GuardedWork<TArguments, TAnswer, TResult>> _spares = [];
    private GuardedWork<TArguments, TAnswer, TResult>? _spare;

    public GuardedVerb<TArguments, TAnswer, TResult> Verb => verb;

    public ValueTask<TResult> CallAsync(in TArguments arguments, CallLimit limit)
    {
        if (!guard.IsFull)
            return Take().Begin(arguments, limit);
        try
        {
            return ValueTask.FromResult(Refuse(arguments));
        }
        catch (DriverException e)
        {
            return ValueTask.FromException<TResult>(e);
        }
    }

    internal void TakeBack(GuardedWork<TArguments, TAnswer, TResult> work)
    {
        if (Interlocked.CompareExchange(ref _spare, work, null) is null)
            return;
        lock (_spares)
            if (_spares.Count < MostSpares)
                _spares.Push(work);
    }

    private GuardedWork<TArguments, TAnswer, TResult> Take()
    {
        if (Interlocked.Exchange(ref _spare, null) is { } spare)
            return spare;
        lock (_spares)
            return _spares.TryPop(out var other) ? other : new GuardedWork<TArguments, TAnswer, TResult>(this, guard);
    }

    private TResult Refuse(in TArguments arguments)
    {
        const string Text = "wasn't begun, since too many calls of this session were given up and still run";
        guard.Report(verb.Name, GuardFault.NotBegun, Text);
        return verb.Finish(guard, arguments, new Guarded<TAnswer>(default, GuardFault.NotBegun, Text, null));
    }
}

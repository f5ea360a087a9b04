namespace Datum.Providers.Sdk;

/// <summary>
/// The ordered steps of building, changing or deleting one resource. Each step knows from the facts whether it is done; the first that isn't is next.
/// </summary>
/// <typeparam name="TState">What the driver saw.</typeparam>
public sealed class StepPlan<TState>
{
    private readonly List<(Step Step, Func<TState, bool> Done)> _steps = [];

    /// <summary>Adds a step. Throws on a part name that the contract doesn't allow, and on two steps of one verb with one name.</summary>
    public StepPlan<TState> Then(string part, StepVerb verb, CreateClass createClass, Func<TState, bool> done, string? description = null)
    {
        if (part.Length is 0 or > 40 || part.Any(c => c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')))
            throw new ArgumentException($"'{part}' is no part name: 1 to 40 of [a-z0-9-].", nameof(part));
        if (_steps.Any(s => s.Step.Part == part && s.Step.Verb == verb))
            throw new ArgumentException($"There is a step '{part}' already.", nameof(part));
        _steps.Add((new Step { Part = part, Verb = verb, Class = createClass, Description = description }, done));
        return this;
    }

    /// <summary>The first step that isn't done; null when all are.</summary>
    public Step? Next(TState state)
    {
        foreach (var (step, done) in _steps)
            if (!done(state))
                return step;
        return null;
    }

    /// <summary>The weakest class of any create step, for <see cref="KindDescriptor.CreateClass"/>.</summary>
    public CreateClass WeakestCreate() =>
        _steps.Where(s => s.Step.Verb == StepVerb.Create).Select(s => s.Step.Class).DefaultIfEmpty(CreateClass.Repeatable).Max();
}

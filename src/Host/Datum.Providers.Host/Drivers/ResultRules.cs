using System.Collections.Immutable;

namespace Datum.Providers.Host.Drivers;

/// <summary>What an answer must hold before the engine sees it. Each method returns the first broken rule, or null.</summary>
internal static class ResultRules
{
    private const int MaxName = 40;
    private const int MaxHandle = 1024;
    private const int FewParts = 16;

    public static string? Fault(Answer<AccountFacts>? answer) =>
        Wrapper(answer) ?? (answer!.Value is not { } account ? null
            : string.IsNullOrWhiteSpace(account.AccountId) ? "AccountFacts.AccountId is empty" : Fault(account.Limitations));

    public static string? Fault(ImmutableArray<Finding> findings)
    {
        if (findings.IsDefault)
            return "the array of findings is default instead of empty";
        foreach (var finding in findings)
            if (finding?.Path is null || string.IsNullOrWhiteSpace(finding.Message))
                return "a Finding lacks its Path or its Message";
        return null;
    }

    public static string? Fault<TFacts>(Answer<Observation<TFacts>>? answer, bool wanted) where TFacts : ResourceFacts =>
        Wrapper(answer) ?? (answer!.Value is { } observation ? Observed(observation, wanted) : null);

    public static string? Fault<TFacts>(Outcome<TFacts>? outcome, bool wanted) where TFacts : ResourceFacts =>
        outcome is null ? "the Outcome is null" : PartsFault(outcome.Parts, "Outcome.Parts") ?? Resolved(outcome.Resolved) ?? outcome switch
        {
            Done<TFacts> done => done.Observation is null ? null : Observed(done.Observation, wanted),
            Running<TFacts> running => running.Progress is null ? "Running.Progress is null" : ProgressFault(running.Progress),
            Failed<TFacts> failed => failed.Error is null ? "Failed.Error is null" : ErrorFault(failed.Error),
            _ => $"the Outcome is a {outcome.GetType().Name}",
        };

    public static string? Fault<TFacts>(Answer<ListPage<TFacts>>? answer, string? cursor) where TFacts : ResourceFacts
    {
        if (Wrapper(answer) is { } wrapper)
            return wrapper;
        if (answer!.Value is not { } page)
            return null;
        if (page.Items.IsDefault)
            return "ListPage.Items is default instead of empty";
        if (page.Next is not null && page.Next == cursor)
            return "ListPage.Next is the cursor that was asked for: the listing would never end";
        foreach (var item in page.Items)
        {
            if (string.IsNullOrEmpty(item?.Name))
                return "an item of the listing has no Name";
            if (item.Incarnation < 0)
                return $"item {item.Name} has a negative Incarnation";
            if ((item.Parts.IsDefaultOrEmpty ? "is default or empty" : PartsFault(item.Parts, "")) is { } fault)
                return $"item {item.Name}: Parts {fault}";
        }

        return null;
    }

    public static string? Fault(Change? change) =>
        change is null ? "the Change is null" : change.Kind == ResourceKind.Unknown || !Enum.IsDefined(change.Kind) ? "Change.Kind is Unknown" : null;

    /// <summary>The parts that can be recorded, whatever else is wrong with the outcome.</summary>
    public static ImmutableArray<Part> UsableParts<TFacts>(Outcome<TFacts>? outcome) where TFacts : ResourceFacts =>
        outcome is null ? [] : [.. outcome.Parts.Where(p => p is not null && IsName(p.Name) && !string.IsNullOrWhiteSpace(p.Id)).DistinctBy(p => p.Name)];

    /// <summary>The alphabet of steps and parts: 1 to 40 of <c>[a-z0-9-]</c>.</summary>
    public static bool IsName(string? name)
    {
        if (name is null || name.Length is 0 or > MaxName)
            return false;
        foreach (var c in name)
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-')
                return false;
        return true;
    }

    public static string? ErrorFault(DriverError error)
    {
        if (string.IsNullOrWhiteSpace(error.Message))
            return "DriverError.Message is empty";
        if (!Enum.IsDefined(error.Code) || !Enum.IsDefined(error.Effect) || !Enum.IsDefined(error.Scope))
            return "DriverError has a Code, Effect or Scope that the contract doesn't know";
        return error.RetryAfter < TimeSpan.Zero ? "DriverError.RetryAfter is negative" : null;
    }

    /// <summary>What must hold of any answer.</summary>
    public static string? Wrapper<T>(Answer<T>? answer) where T : class => answer switch
    {
        null => "the Answer is null",
        { Value: null, Error: null } => "the Answer holds neither a value nor an error",
        { Error: { } error } => ErrorFault(error),
        _ => null,
    };

    private static string? Observed<TFacts>(Observation<TFacts> observation, bool wanted) where TFacts : ResourceFacts =>
        (observation.InProgress is { } progress ? ProgressFault(progress) : null)
        ?? (observation.Failure is { } failure ? ErrorFault(failure) : null)
        ?? observation switch
        {
            Absent<TFacts> absent => absent.Next is null ? null : wanted ? StepFault(absent.Next, wanted) : "Absent.Next is set though nothing is desired",
            Present<TFacts> present => PresentFault(present, wanted),
            Ambiguous<TFacts> ambiguous => ambiguous.Candidates.IsDefault || ambiguous.Candidates.Length < 2
                ? "Ambiguous.Candidates holds fewer than two"
                : ambiguous.Candidates.Any(c => string.IsNullOrWhiteSpace(c?.Id)) ? "Ambiguous.Candidates holds one without an Id" : null,
            _ => $"the Observation is a {observation.GetType().Name}",
        };

    private static string? PresentFault<TFacts>(Present<TFacts> present, bool wanted) where TFacts : ResourceFacts
    {
        if (present.Facts is null)
            return "Present.Facts is null";
        if (present.Parts.IsDefaultOrEmpty)
            return "Present.Parts is default or empty: what is there has at least one part";
        if (PartsFault(present.Parts, "Present.Parts") is { } parts)
            return parts;
        if (!Enum.IsDefined(present.State) || !Enum.IsDefined(present.Mark))
            return "Present has a State or Mark that the contract doesn't know";
        if (present.Incarnation < 0)
            return "Present.Incarnation is negative";
        foreach (var drift in present.Drift)
            if (string.IsNullOrWhiteSpace(drift?.Path))
                return "a Drift has no Path";
        return Resolved(present.Resolved) ?? (present.Next is null ? null : StepFault(present.Next, wanted));
    }

    private static string? StepFault(Step step, bool wanted)
    {
        if (!IsName(step.Part))
            return $"Step.Part '{step.Part}' isn't 1 to {MaxName} of a-z, 0-9 and -";
        if (step.Verb == StepVerb.Unknown || !Enum.IsDefined(step.Verb))
            return "Step.Verb is Unknown";
        if (step.Class == CreateClass.Unknown || !Enum.IsDefined(step.Class))
            return "Step.Class is Unknown";
        return !wanted && step.Verb != StepVerb.Delete ? $"the next Step is a {step.Verb} though nothing is desired" : null;
    }

    public static string? PartsFault(ImmutableArray<Part> parts, string where)
    {
        // A set only for what is unusually long: a few names are compared one by one, which allocates nothing.
        var names = parts.Length > FewParts ? new HashSet<string>(StringComparer.Ordinal) : null;
        for (var i = 0; i < parts.Length; i++)
        {
            var part = parts[i];
            if (!IsName(part?.Name))
                return $"{where} holds a name '{part?.Name}' that isn't 1 to {MaxName} of a-z, 0-9 and -".TrimStart();
            if (string.IsNullOrWhiteSpace(part!.Id))
                return $"{where} holds {part.Name} without an Id".TrimStart();
            if (names is null ? IsAmong(parts.AsSpan(0, i), part.Name) : !names.Add(part.Name))
                return $"{where} holds {part.Name} twice".TrimStart();
        }

        return null;
    }

    private static bool IsAmong(ReadOnlySpan<Part> parts, string name)
    {
        foreach (var part in parts)
            if (part.Name == name)
                return true;
        return false;
    }

    private static string? ProgressFault(Progress progress)
    {
        if (progress.LookAgainAfter <= TimeSpan.Zero)
            return "Progress.LookAgainAfter isn't above zero";
        return progress.Handle is { } handle && (string.IsNullOrEmpty(handle.Data) || handle.Data.Length > MaxHandle)
            ? $"Handle.Data doesn't have 1 to {MaxHandle} characters"
            : null;
    }

    private static string? Resolved(ImmutableDictionary<string, string> resolved)
    {
        if (resolved.IsEmpty)
            return null;
        foreach (var (key, value) in resolved)
            if (key.Length == 0 || value is null)
                return "Resolved holds an empty key or a null value";
        return null;
    }
}

using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Limits;

/// <summary>What <c>spec.limits</c> of a ProviderConfig means for its driver, read once for each generation.</summary>
internal sealed class LimitSettings
{
    /// <summary>Looks a minute at what listings don't show, when the ProviderConfig says nothing.</summary>
    public const int DefaultObservesPerMinute = 60;

    /// <summary>Follows a kind in a key of <c>timeouts</c>: one request, instead of the whole operation.</summary>
    private const string Call = "Call";

    public static readonly LimitSettings None = new();

    private ImmutableDictionary<ResourceKind, TimeSpan> _calls = ImmutableDictionary<ResourceKind, TimeSpan>.Empty;
    private ImmutableDictionary<(ResourceKind, StepVerb), TimeSpan> _operations = ImmutableDictionary<(ResourceKind, StepVerb), TimeSpan>.Empty;
    private ImmutableDictionary<ResourceKind, KindDescriptor> _kinds = ImmutableDictionary<ResourceKind, KindDescriptor>.Empty;

    /// <summary>Null: no limit.</summary>
    public double? RequestsPerSecond { get; private init; }

    /// <summary>Null: the default.</summary>
    public int? Concurrency { get; private init; }

    public int ObservesPerMinute { get; private init; } = DefaultObservesPerMinute;

    /// <summary>The fields that can't be honoured, each in a sentence that names it. They are left out; the others are in force.</summary>
    public ImmutableArray<string> Faults { get; private init; } = [];

    /// <summary>The kind as this config has it: with its own deadline of a call, where it gives one.</summary>
    public KindDescriptor Of(KindDescriptor kind) => _kinds.GetValueOrDefault(kind.Kind, kind);

    /// <summary>How long an operation may take before that is told. Not a failure.</summary>
    public TimeSpan Expected(KindDescriptor kind, StepVerb verb) =>
        _operations.TryGetValue((kind.Kind, verb), out var own) || _operations.TryGetValue((kind.Kind, StepVerb.Unknown), out own) ? own : kind.CreateDeadline;

    public static LimitSettings Read(ProviderConfig config, DriverDescriptor? driver)
    {
        if (config.Spec.Limits is not { } limits)
            return None;
        var faults = ImmutableArray.CreateBuilder<string>();
        var calls = ImmutableDictionary.CreateBuilder<ResourceKind, TimeSpan>();
        var operations = ImmutableDictionary.CreateBuilder<(ResourceKind, StepVerb), TimeSpan>();
        foreach (var (key, text) in limits.Timeouts ?? [])
        {
            if (Fault(key, text, driver, out var kind, out var word, out var time) is { } fault)
                faults.Add($"spec.limits.timeouts.{key} {fault}");
            else if (word == Call)
                calls[kind] = time;
            else
                operations[(kind, word.Length == 0 ? StepVerb.Unknown : Enum.Parse<StepVerb>(word))] = time;
        }
        if (limits.RequestsPerSecond is { } rate && !(rate > 0 && double.IsFinite(rate)))
            faults.Add($"spec.limits.requestsPerSecond is {rate}: give more than 0, or leave the field out for no limit.");
        if (limits.Concurrency is <= 0)
            faults.Add($"spec.limits.concurrency is {limits.Concurrency}: give 1 or more, or leave the field out for {AccountLimit.DefaultConcurrency}.");
        if (limits.ObservesPerMinute is < 0)
            faults.Add($"spec.limits.observesPerMinute is {limits.ObservesPerMinute}: give 0 for none, or leave the field out for {DefaultObservesPerMinute}.");
        return new LimitSettings
        {
            RequestsPerSecond = limits.RequestsPerSecond is { } r && r > 0 && double.IsFinite(r) ? r : null,
            Concurrency = limits.Concurrency is > 0 ? limits.Concurrency : null,
            ObservesPerMinute = limits.ObservesPerMinute is >= 0 ? limits.ObservesPerMinute.Value : DefaultObservesPerMinute,
            Faults = faults.ToImmutable(),
            _calls = calls.ToImmutable(),
            _operations = operations.ToImmutable(),
            _kinds = (driver?.Kinds ?? []).Where(k => calls.ContainsKey(k.Kind)).ToImmutableDictionary(k => k.Kind, k => k with { CallTimeout = calls[k.Kind] }),
        };
    }

    private static string? Fault(string key, string? text, DriverDescriptor? driver, out ResourceKind kind, out string word, out TimeSpan time)
    {
        var dot = key.IndexOf('.', StringComparison.Ordinal);
        var name = dot < 0 ? key : key[..dot];
        word = dot < 0 ? "" : key[(dot + 1)..];
        time = default;
        if (!Enum.TryParse(name, out kind) || kind.ToString() != name || (driver is not null && driver.Kinds.All(k => k.Kind != Enum.Parse<ResourceKind>(name))))
            return $"names no kind that {(driver is null ? "there is" : $"driver {driver.Id} has: {string.Join(", ", driver.Kinds.Select(k => k.Kind))}")}.";
        if (word is not ("" or Call or nameof(StepVerb.Create) or nameof(StepVerb.Update) or nameof(StepVerb.Delete)) || (dot >= 0 && word.Length == 0))
            return $"ends in '{word}': write the kind alone, or the kind with .Create, .Update, .Delete (an operation) or .Call (one request).";
        if (!GoDuration.TryParse(text, out time, out var error))
            return $"is no duration: {error}";
        if (time <= TimeSpan.Zero)
            return $"is {text}: give more than 0.";
        return word == Call && time > CallDeadlines.Longest
            ? $"is {text}: one request may take {CallDeadlines.Longest.TotalSeconds:0}s at most, since a new leader waits for no longer one (L10)."
            : null;
    }
}

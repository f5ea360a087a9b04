using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Policies;

/// <summary>Policies and what is wrong with them. A brake that can't be read counts as pulled.</summary>
public sealed record ReadPolicies(ResourcePolicies Policies, ImmutableArray<Finding> Findings);

/// <summary>
/// From annotations of a Datum object and the defaults of its ProviderConfig to the policies of its entries: pure. The annotation
/// wins, but for three: pause and observe-only of the ProviderConfig always hold, and adoption can only be asked for as far as the
/// ProviderConfig goes (law L14).
/// </summary>
public static class PolicyReader
{
    /// <summary>The least period at which one object may ask to be looked at.</summary>
    public static readonly TimeSpan ShortestPoll = TimeSpan.FromSeconds(5);

    private static readonly string[] s_adopt = [AdoptPolicy.Never, AdoptPolicy.IfTagged, AdoptPolicy.Always];

    /// <param name="adoptable">Whether the driver can adopt the owner's object, which is of kind <paramref name="kind"/>; false for an owner that goes.</param>
    public static ReadPolicies Read(ObjectMeta owner, ProviderConfig config, ResourceKind kind = ResourceKind.Unknown, bool adoptable = false)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var defaults = config.Spec.Management;
        var policies = new ResourcePolicies
        {
            Paused = Flag(owner, Annotations.Paused, false, findings) || defaults?.Paused == true,
            // A plan shows what would be done and does nothing.
            ObserveOnly = Flag(owner, Annotations.ObserveOnly, false, findings) | Flag(owner, Annotations.Plan, false, findings) || defaults?.ObserveOnly == true,
            Retain = Flag(owner, Annotations.Retain, defaults?.Retain == true, findings),
            DeletionProtection = Flag(owner, Annotations.DeletionProtection, defaults?.DeletionProtection == true, findings),
            OnFailure = Word(owner, Annotations.OnFailure, defaults?.OnFailure, FailurePolicy.Keep, [FailurePolicy.Keep, FailurePolicy.Replace], findings),
            Drift = Word(owner, Annotations.Drift, defaults?.Drift, DriftPolicy.Report, [DriftPolicy.Correct, DriftPolicy.Report], findings),
            PollIntervalSeconds = Poll(owner, findings),
        };
        Adopt(owner, config, kind, adoptable, policies, findings);
        return new ReadPolicies(policies, findings.ToImmutable());
    }

    private static bool Flag(ObjectMeta owner, string annotation, bool byDefault, ImmutableArray<Finding>.Builder findings)
    {
        switch (owner.Annotation(annotation))
        {
            case null:
                return byDefault;
            case "true":
                return true;
            case "false":
                return false;
            case var other:
                findings.Add(At(annotation, $"'{other}' must be \"true\" or \"false\"; until then it counts as \"true\"."));
                return true;
        }
    }

    private static string? Word(ObjectMeta owner, string annotation, string? byDefault, string careful, string[] words, ImmutableArray<Finding>.Builder findings)
    {
        if (owner.Annotation(annotation) is not { } word)
            return byDefault;
        if (words.Contains(word))
            return word;
        findings.Add(At(annotation, $"'{word}' must be {string.Join(" or ", words)}; until then it counts as {careful}."));
        return careful;
    }

    private static int? Poll(ObjectMeta owner, ImmutableArray<Finding>.Builder findings)
    {
        if (owner.Annotation(Annotations.PollInterval) is not { } text)
            return null;
        if (!GoDuration.TryParse(text, out var period, out var error))
            findings.Add(At(Annotations.PollInterval, $"'{text}': {error}"));
        else if (period < ShortestPoll)
            findings.Add(At(Annotations.PollInterval, $"'{text}' must be {ShortestPoll.TotalSeconds:0}s or longer; the account's listing finds changes too (spec.management.pollInterval of the ProviderConfig)."));
        else
            return (int)Math.Min(int.MaxValue, Math.Ceiling(period.TotalSeconds));
        return null;
    }

    private static void Adopt(ObjectMeta owner, ProviderConfig config, ResourceKind kind, bool adoptable, ResourcePolicies policies, ImmutableArray<Finding>.Builder findings)
    {
        var allowed = config.Spec.Management?.Adopt ?? AdoptPolicy.Never;
        var asked = Word(owner, Annotations.Adopt, allowed, AdoptPolicy.Never, s_adopt, findings)!;
        if (Array.IndexOf(s_adopt, asked) > Array.IndexOf(s_adopt, allowed))
        {
            findings.Add(At(Annotations.Adopt, $"'{asked}' is more than ProviderConfig {config.Metadata.Name} allows (spec.management.adopt: {allowed}). Ask the platform operator, or remove the annotation."));
            asked = AdoptPolicy.Never;
        }
        policies.Adopt = asked;
        if (owner.Annotation(Annotations.AdoptId) is not { } id || kind is ResourceKind.Unknown)
            return;
        if (id.Trim().Length == 0)
            findings.Add(At(Annotations.AdoptId, "is empty; name the object by the platform's id or name, or remove the annotation."));
        else if (asked == AdoptPolicy.Never)
            findings.Add(At(Annotations.AdoptId, $"'{id}' can't be adopted: adopt is {AdoptPolicy.Never}. Set the annotation {Annotations.Adopt} as far as ProviderConfig {config.Metadata.Name} allows (spec.management.adopt: {allowed})."));
        else if (!adoptable)
            findings.Add(At(Annotations.AdoptId, $"'{id}' can't be adopted: driver {config.Spec.Driver} doesn't adopt objects of kind {kind}. Remove the annotation.") with { Capability = "adoptable" });
        else
            policies.AdoptId = id.Trim();
    }

    private static Finding At(string annotation, string message) => new() { Path = $"metadata.annotations[{annotation}]", Message = message };
}

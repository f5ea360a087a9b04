using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Collect;

/// <summary>Why an object at a platform deserves a person's look.</summary>
public enum FindingType
{
    /// <summary>Not said.</summary>
    Unknown = 0,

    /// <summary>Our mark, and the ledger has no entry of that name.</summary>
    Orphan = 1,

    /// <summary>Our mark of an incarnation before the entry's current one, and the entry records another object: a create that took effect after the platform's window (L1).</summary>
    EarlierLife = 2,

    /// <summary>Our mark of the entry's incarnation, and the entry records another object of that part. Never deleted by the host (L3).</summary>
    Copy = 3,

    /// <summary>The recorded object shows no mark of ours any more. Observed only (L3).</summary>
    MarkMissing = 4,
}

/// <summary>One object with our mark, as complete listings have shown it so far.</summary>
public sealed record Sighting
{
    public required ResourceKind Kind { get; init; }

    /// <summary>The identity's name from the mark.</summary>
    public required string Name { get; init; }

    /// <summary>From the mark; 0 when it holds none.</summary>
    public required long Incarnation { get; init; }

    /// <summary>The parts that the listing showed; the first is the main one.</summary>
    public required ImmutableArray<Part> Parts { get; init; }

    /// <summary>The platform is deleting it already.</summary>
    public bool Deleting { get; init; }

    /// <summary>What the platform says; null when it doesn't.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When the first complete listing that showed it began, by our clock.</summary>
    public required DateTimeOffset FirstSeen { get; init; }

    /// <summary>When the last one began.</summary>
    public required DateTimeOffset LastSeen { get; init; }

    /// <summary>The round of the first listing.</summary>
    public required long FirstRound { get; init; }

    /// <summary>The round of the last one.</summary>
    public required long LastRound { get; init; }

    /// <summary>The provider id of the main part.</summary>
    public string Id => Parts.IsEmpty ? "" : Parts[0].Id;
}

/// <summary>What the ledger says of one name.</summary>
public sealed record KnownEntry
{
    public required string Installation { get; init; }
    public required long Incarnation { get; init; }

    /// <summary>Provider ids by part.</summary>
    public required ImmutableDictionary<string, string> Parts { get; init; }

    /// <summary>Every word of the record: an id that stands anywhere in it is known.</summary>
    public required ImmutableHashSet<string> Recorded { get; init; }

    /// <summary>Wanted, in sync and with nothing open: the entry's current life is beyond doubt.</summary>
    public required bool Settled { get; init; }

    public static KnownEntry Of(ManagedResource entry)
    {
        var record = entry.Spec.Record;
        var words = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        Collect(JsonSerializer.SerializeToElement(entry, ResourceTypes.ManagedResources.Json).GetProperty("spec").GetProperty("record"), words);
        return new KnownEntry
        {
            Installation = entry.Spec.Installation,
            Incarnation = record.Incarnation,
            Parts = (record.Parts ?? []).ToImmutableDictionary(p => p.Name, p => p.Id, StringComparer.Ordinal),
            Recorded = words.ToImmutable(),
            Settled = entry.Spec.Wanted && !entry.IsDeleting && !record.Retiring && record.Intent is null && record.Handle is null
                && Conditions.IsTrue(entry.Status?.Conditions, ConditionTypes.Ready) && Conditions.IsTrue(entry.Status?.Conditions, ConditionTypes.Synced),
        };
    }

    private static void Collect(JsonElement value, ImmutableHashSet<string>.Builder words)
    {
        if (value.ValueKind is JsonValueKind.String)
            words.Add(value.GetString()!);
        else if (value.ValueKind is JsonValueKind.Array)
            foreach (var item in value.EnumerateArray())
                Collect(item, words);
        else if (value.ValueKind is JsonValueKind.Object)
            foreach (var member in value.EnumerateObject())
                Collect(member.Value, words);
    }
}

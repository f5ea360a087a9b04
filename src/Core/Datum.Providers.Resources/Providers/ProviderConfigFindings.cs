using Datum.Providers.Kubernetes;

namespace Datum.Providers.Resources.Providers;

/// <summary>Changes that wait for a person (law L15).</summary>
public sealed class HoldStatus : KubeData
{
    /// <summary>MassAbsence, AccountChanged or BlastRadius.</summary>
    public string Reason { get; set; } = "";
    public string AccountId { get; set; } = "";
    /// <summary>What <c>datum-providers confirm</c> takes.</summary>
    public string Token { get; set; } = "";
    public DateTimeOffset Since { get; set; }
    public string? Message { get; set; }
    /// <summary>How many entries it was counted on; 0 when it holds for all.</summary>
    public int Count { get; set; }
    /// <summary>The first 20 of them.</summary>
    public List<string>? Entries { get; set; }
    /// <summary>A person has confirmed it; it stands here until what was confirmed is done.</summary>
    public DateTimeOffset? ConfirmedAt { get; set; }
}

/// <summary>What the collector found in the account (law L13), counted, and the first 20 of it.</summary>
public sealed class FindingsStatus : KubeData
{
    /// <summary>Objects with our mark that the ledger has no entry for.</summary>
    public int Orphans { get; set; }
    /// <summary>Objects of an earlier incarnation beside the current one.</summary>
    public int EarlierLives { get; set; }
    /// <summary>Objects with the mark of one that is recorded under another id.</summary>
    public int Copies { get; set; }
    /// <summary>Recorded objects without our mark.</summary>
    public int MarksMissing { get; set; }
    public List<FoundObject>? Items { get; set; }
    /// <summary>Deletions that the collector began within the last hour that it deleted in; they are what the budget is counted on.</summary>
    public List<DateTimeOffset>? Deletions { get; set; }
}

public sealed class FoundObject : KubeData
{
    /// <summary>Orphan, EarlierLife, Copy or MarkMissing.</summary>
    public string Type { get; set; } = "";
    public string Kind { get; set; } = "";
    /// <summary>The identity's name in the mark, which is that of its entry.</summary>
    public string Name { get; set; } = "";
    public long Incarnation { get; set; }
    /// <summary>The platform's id.</summary>
    public string Id { get; set; } = "";
    /// <summary>When the platform made it, if it says so.</summary>
    public DateTimeOffset? CreatedAt { get; set; }
    /// <summary>When this host saw it first.</summary>
    public DateTimeOffset? Since { get; set; }
    /// <summary>Why it isn't deleted, or that it is: one word.</summary>
    public string Verdict { get; set; } = "";
}

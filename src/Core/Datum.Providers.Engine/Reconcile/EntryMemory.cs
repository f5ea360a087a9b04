using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Reconcile;

/// <summary>
/// What the process remembers of an entry between passes. Losing it (a restart) only delays: absence must be seen twice again, delays begin anew.
/// </summary>
internal sealed class EntryMemory
{
    /// <summary>Since when every look found nothing; null when something was there.</summary>
    public DateTimeOffset? AbsentSince { get; set; }

    /// <summary>When the last look began, in the order of its session.</summary>
    public long LookedAt { get; set; }

    /// <summary>Since when looks miss a recorded part of what is there; null when none is missed.</summary>
    public DateTimeOffset? PartMissingSince { get; set; }

    /// <summary>When the last create was answered; null when this process made none.</summary>
    public DateTimeOffset? CreatedAt { get; set; }

    /// <summary>A look has shown all of it since the last create: it can't be hidden for being new.</summary>
    public bool Shown { get; set; }

    /// <summary>Failures in a row.</summary>
    public int Failures { get; set; }

    /// <summary>No call before it, unless the wish changes.</summary>
    public DateTimeOffset NotBefore { get; set; }

    /// <summary>The wish that <see cref="NotBefore"/> belongs to.</summary>
    public string Wish { get; private set; } = "";

    /// <summary>The failure of a platform operation that was reported already; a tombstone tells it again for an hour.</summary>
    public string ToldFailure { get; set; } = "";

    /// <summary>The drift that was updated last, and how often.</summary>
    public string Drift { get; set; } = "";
    public int DriftUpdates { get; set; }

    /// <summary>Since when it has been doing its work; null while it isn't.</summary>
    public DateTimeOffset? ReadySince { get; private set; }

    /// <summary>How often it was mended lately, and when the next time may be.</summary>
    private int _repairs;
    private DateTimeOffset? _repairAt;

    /// <summary>The wish that the driver found nothing wrong with.</summary>
    public string ValidatedWish { get; set; } = "";

    public ImmutableArray<Finding> Tolerated { get; set; } = [];

    /// <summary>Since when the platform has been at work without a break, with what, and when that is longer than expected.</summary>
    public DateTimeOffset? BusySince { get; set; }
    public StepVerb BusyWith { get; set; }
    public DateTimeOffset? OverdueAt { get; set; }

    /// <summary>What the queue took of the account's rate for the pass that runs; null when nothing limits it.</summary>
    public Allowance? Allowance { get; set; }

    /// <summary>When our marks were taken off for the first time.</summary>
    public DateTimeOffset? LetGoSince { get; set; }

    /// <summary>When parts were found that carry our mark and that this entry hadn't recorded: something has a life that the ledger doesn't know.</summary>
    public DateTimeOffset? FoundAt { get; set; }

    /// <summary>Forgets delays and failures when the wish is another one.</summary>
    public void Follow(ManagedResource entry, string session)
    {
        var p = entry.Spec.Policies;
        var wish = $"{entry.Spec.Wanted}/{session}/{p?.Paused}{p?.ObserveOnly}{p?.Retain}{p?.DeletionProtection}{p?.OnFailure}{p?.Drift}{p?.Adopt}/{p?.AdoptId}/"
            + (entry.Spec.Desired is { } d ? CanonicalJson.Digest(d) : "");
        if (wish == Wish)
            return;
        Wish = wish;
        NotBefore = default;
        Failures = 0;
        DriftUpdates = 0;
        Drift = "";
        LetGoSince = null;
    }

    /// <summary>It does its work.</summary>
    public void Works(DateTimeOffset now)
    {
        ReadySince ??= now;
        _repairAt = null;
        if (now - ReadySince > RepairMemory)
            _repairs = 0;
    }

    /// <summary>
    /// When something that stopped working may be mended: after 2 s at first, so that people and programs see that it stopped,
    /// and twice as long each time (5 min at most), so that a crash loop costs little. Null: now.
    /// </summary>
    public DateTimeOffset? RepairAt(DateTimeOffset now)
    {
        ReadySince = null;
        if (_repairAt is { } at)
            return at > now ? at : null;
        _repairAt = now + TimeSpan.FromSeconds(Math.Min(300, 2 * Math.Pow(2, Math.Min(_repairs++, 8))));
        return _repairAt;
    }

    /// <summary>Work without a break that wipes out earlier repairs.</summary>
    private static readonly TimeSpan RepairMemory = TimeSpan.FromMinutes(10);
}

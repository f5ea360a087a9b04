using Datum.Providers.Engine.Policies;

namespace Datum.Providers.Host.Cli.Plan;

/// <summary>Result of <c>plan</c>.</summary>
internal sealed record PlanResult
{
    /// <summary>Entries whose object at the platform would be made, changed, replaced, deleted, adopted or let go.</summary>
    public required int Changes { get; init; }

    /// <summary>Entries that a person would have to act for first.</summary>
    public required int Refused { get; init; }

    /// <summary>Entries that nobody can say anything about.</summary>
    public required int Unknown { get; init; }

    public required IReadOnlyList<PlannedEntry> Entries { get; init; }

    public required IReadOnlyList<string> Notes { get; init; }

    public static PlanResult Of(IReadOnlyList<PlannedEntry> entries, IReadOnlyList<string> notes) => new()
    {
        Changes = entries.Count(e => e.Mutates), Refused = entries.Count(e => e.Action is PlannedAction.Refused), Unknown = entries.Count(e => e.Action is PlannedAction.Unknown), Entries = entries, Notes = notes,
    };
}

/// <summary>The plan for people: a line for each entry, a line for each field.</summary>
internal static class PlanText
{
    public static void Write(PlanResult result, TextResult text)
    {
        foreach (var entry in result.Entries.Where(e => e.Action is not PlannedAction.None || !e.Changes.IsEmpty))
        {
            var (sign, tone, words) = Words(entry.Action);
            var what = $"{entry.Kind}{(entry.ProviderId is null ? "" : $" {entry.ProviderId}")} of {entry.Owner}";
            var why = string.Join(": ", ((string?[])[entry.Reason, entry.Message]).Where(w => !string.IsNullOrEmpty(w)));
            text.Line(new Styled($"{sign} ", tone), new Styled(what, Tone.Strong), ": ", new Styled(words, tone), why.Length == 0 ? "" : $" ({why.TrimEnd('.')})");
            foreach (var change in entry.Changes)
                text.Line($"    {change.Path}: ", change.Before is null ? "" : $"{change.Before} -> ", change.After ?? "(not set)", new Styled($" ({Way(change.Way)})", Tone.Dim));
            if (entry.Held is { } held)
                text.Line(new Styled($"    Held back now: {held}", Tone.Warning));
        }
        foreach (var note in result.Notes)
            text.Line(new Styled($"Note: {note}", Tone.Dim));
        var by = result.Entries.Where(e => e.Mutates).GroupBy(e => e.Action).OrderBy(g => g.Key).Select(g => $"{g.Count()} {Words(g.Key).Words}");
        text.Line(result.Changes == 0 ? new Styled("Nothing would change at the platform", Tone.Good) : new Styled($"{result.Changes} would change at the platform: {string.Join(", ", by)}", Tone.Warning),
            $"; {result.Entries.Count(e => e.Action is PlannedAction.None)} unchanged{(result.Refused == 0 ? "" : $", {result.Refused} refused")}{(result.Unknown == 0 ? "" : $", {result.Unknown} unknown")}.");
    }

    private static (string Sign, Tone Tone, string Words) Words(PlannedAction action) => action switch
    {
        PlannedAction.None => (" ", Tone.Dim, "unchanged"),
        PlannedAction.Create => ("+", Tone.Good, "created"),
        PlannedAction.Update => ("~", Tone.Warning, "changed in place"),
        PlannedAction.Replace => ("±", Tone.Bad, "replaced"),
        PlannedAction.Delete => ("-", Tone.Bad, "deleted"),
        PlannedAction.Adopt => (">", Tone.Warning, "adopted"),
        PlannedAction.LetGo => ("<", Tone.Warning, "let go"),
        PlannedAction.Release => ("<", Tone.Dim, "forgotten"),
        PlannedAction.Wait => (".", Tone.Dim, "waits"),
        PlannedAction.Refused => ("!", Tone.Bad, "refused"),
        _ => ("?", Tone.Bad, "unknown"),
    };

    private static string Way(ChangeWay way) => way switch
    {
        ChangeWay.Create => "new",
        ChangeWay.InPlace => "in place",
        ChangeWay.Replace => "replace",
        ChangeWay.LedgerOnly => "ledger only",
        ChangeWay.Reported => "reported only",
        _ => "unknown",
    };
}

using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Host.Cli.Accounts;

/// <summary>What <c>orphans</c> found. Field names stay.</summary>
internal sealed record OrphansResult
{
    /// <summary>By ProviderConfig, ordered by name; those with nothing to tell are left out.</summary>
    public required IReadOnlyList<ConfigFindings> Configs { get; init; }

    public static OrphansResult Of(IEnumerable<ProviderConfig> configs) => new()
    {
        Configs =
        [
            .. configs.Where(c => c.Status is { Findings: { } f } && f.Orphans + f.EarlierLives + f.Copies + f.MarksMissing > 0 || c.Status?.Holds is { Count: > 0 })
                .OrderBy(c => c.Metadata.Name, StringComparer.Ordinal).Select(ConfigFindings.Of),
        ],
    };
}

/// <summary>Findings and holds of the accounts that one ProviderConfig reaches.</summary>
internal sealed record ConfigFindings
{
    public required string ProviderConfig { get; init; }
    public required string Driver { get; init; }
    public required string? AccountId { get; init; }

    /// <summary>Report or Delete.</summary>
    public required string Policy { get; init; }
    public required int Orphans { get; init; }
    public required int EarlierLives { get; init; }
    public required int Copies { get; init; }
    public required int MarksMissing { get; init; }

    /// <summary>The first 20.</summary>
    public required IReadOnlyList<FoundRow> Items { get; init; }
    public required IReadOnlyList<HoldRow> Holds { get; init; }

    public static ConfigFindings Of(ProviderConfig config)
    {
        var found = config.Status?.Findings;
        return new ConfigFindings
        {
            ProviderConfig = config.Metadata.Name!, Driver = config.Spec.Driver, AccountId = config.Status?.AccountId, Policy = config.Spec.Collector?.Policy ?? CollectorPolicy.Report,
            Orphans = found?.Orphans ?? 0, EarlierLives = found?.EarlierLives ?? 0, Copies = found?.Copies ?? 0, MarksMissing = found?.MarksMissing ?? 0,
            Items = [.. (found?.Items ?? []).Select(i => new FoundRow { Type = i.Type, Kind = i.Kind, Id = i.Id, Name = i.Name, Incarnation = i.Incarnation, CreatedAt = i.CreatedAt, Since = i.Since, Verdict = i.Verdict })],
            Holds = [.. (config.Status?.Holds ?? []).Select(h => new HoldRow { Reason = h.Reason, AccountId = h.AccountId, Token = h.Token, Since = h.Since, Message = h.Message, ConfirmedAt = h.ConfirmedAt })],
        };
    }
}

internal sealed record FoundRow
{
    public required string Type { get; init; }
    public required string Kind { get; init; }
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required long Incarnation { get; init; }
    public required DateTimeOffset? CreatedAt { get; init; }
    public required DateTimeOffset? Since { get; init; }
    public required string Verdict { get; init; }
}

internal sealed record HoldRow
{
    public required string Reason { get; init; }
    public required string AccountId { get; init; }
    public required string Token { get; init; }
    public required DateTimeOffset Since { get; init; }
    public required string? Message { get; init; }
    public required DateTimeOffset? ConfirmedAt { get; init; }
}

/// <summary>What <c>confirm</c> did.</summary>
internal sealed record ConfirmResult
{
    public required string Token { get; init; }

    /// <summary>ProviderConfigs that it was written on.</summary>
    public required IReadOnlyList<string> ProviderConfigs { get; init; }
    public required string Reason { get; init; }
}

using Datum.Providers.Engine.Provisioning;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Collect;

/// <summary>Tells findings and holds on the ProviderConfigs that reach the account, on change only (L8), and takes confirmations from there.</summary>
public sealed partial class AccountReport : ProvisioningController<string>
{
    private readonly HomePlane _home;
    private readonly AccountGuard _accounts;
    private readonly FindingBook _findings;
    private readonly EntryController _entries;
    private readonly IEventRecorder _events;
    private readonly ILogger _logger;

    public AccountReport(HomePlane home, AccountGuard accounts, FindingBook findings, EntryController entries, IEventRecorder events, IScheduler scheduler, ILogger<AccountReport> logger)
        : base("accounts", 1, scheduler, logger)
    {
        (_home, _accounts, _findings, _entries, _events, _logger) = (home, accounts, findings, entries, events, logger);
        On(home.Configs, c =>
        {
            if (c.Before?.Metadata.Annotation(Annotations.Confirm) != c.After?.Metadata.Annotation(Annotations.Confirm))
                Queue.Add(c.Key.Name);
        });
        accounts.Changed += config =>
        {
            Queue.Add(config);
            // All of the account become Unknown, or are looked at again.
            entries.PokeAll(config);
        };
    }

    /// <summary>Something to tell on a config.</summary>
    public void Tell(string config) => Queue.Add(config);

    /// <summary>Writes findings and holds now; what has to be stored before a deletion is stored when this returns.</summary>
    public async Task WriteAsync(string name, CancellationToken cancellation)
    {
        if (_home.Configs.Find(new ObjectKey(null, name)) is not { IsDeleting: false } config)
            return;
        var accounts = _findings.AccountsOf(name);
        var holds = _accounts.HoldsOf(name, config.Spec.Driver, accounts.Select(a => a.AccountId).Concat(config.Status?.AccountId is { } told ? [told] : []));
        var after = ResourceTypes.ProviderConfigs.Clone(config);
        var status = after.Status ??= new ProviderConfigStatus();
        status.Holds = holds.Count == 0 ? null : [.. holds.Select(StatusOf)];
        status.Findings = FindingsOf(accounts, status.Findings);
        var open = holds.Where(h => h.ConfirmedAt is null).ToList();
        if (open.Count > 0 || Conditions.Find(status.Conditions, ConditionTypes.Held) is not null)
            Conditions.Set(status.Conditions ??= [], ConditionTypes.Held, ConditionStatus.Of(open.Count > 0), open.Count > 0 ? open[0].Reason : Reasons.NothingHeld,
                string.Join(" ", open.Select(h => $"{h.Message} {AccountHold.HowTo(h.Token)}")), config.Metadata.Generation, Now);
        if (Patches.Status(ResourceTypes.ProviderConfigs, config, after) is not { } patch)
            return;
        var stored = await _home.Client.PatchAsync(ResourceTypes.ProviderConfigs, config.Key, patch, "status", cancellation).ConfigureAwait(false);
        _home.Configs.Observe(stored);
        foreach (var account in accounts)
            CollectMetrics.Tell(account, holds.Where(h => h.Account == account));
        var known = (config.Status?.Holds ?? []).Where(h => h.ConfirmedAt is null).Select(h => h.Token).ToHashSet(StringComparer.Ordinal);
        foreach (var hold in open.Where(h => !known.Contains(h.Token)))
        {
            LogHeld(_logger, name, hold.Reason, hold.Message, hold.Token);
            await WarnAsync(stored, hold.Reason, $"{hold.Message} {AccountHold.HowTo(hold.Token)}", cancellation).ConfigureAwait(false);
        }
        foreach (var token in known.Where(t => open.TrueForAll(h => h.Token != t)))
            LogLetGo(_logger, name, token);
    }

    /// <summary>An event on the config itself.</summary>
    public ValueTask WarnAsync(ProviderConfig config, string reason, string message, CancellationToken cancellation) => _events.WarnAsync(_home.Client, new ObjectReference
    {
        ApiVersion = ResourceTypes.ProviderConfigs.ApiVersion, Kind = ResourceTypes.ProviderConfigs.Kind, Name = config.Metadata.Name, Uid = config.Metadata.Uid,
    }, reason, message, cancellation);

    private protected override async Task<Result> ReconcileAsync(string name, CancellationToken cancellation)
    {
        if (_home.Configs.Find(new ObjectKey(null, name)) is { } config && _accounts.Confirm(config).Count > 0)
            foreach (var other in _home.Configs.All().Where(c => c.Spec.Driver == config.Spec.Driver))
                _entries.PokeAll(other.Metadata.Name!);
        await WriteAsync(name, cancellation).ConfigureAwait(false);
        return Result.Settled;
    }

    private FindingsStatus? FindingsOf(IReadOnlyCollection<AccountKey> accounts, FindingsStatus? before)
    {
        // Before the first rounds of this process what the last one told stays.
        if (accounts.Count == 0)
            return before;
        List<FoundItem> found = [.. accounts.SelectMany(a => _findings.Of(a))];
        List<DateTimeOffset> begun = [.. accounts.SelectMany(a => _findings.Begun(a)).Select(WholeSeconds).Order()];
        if (found.Count == 0 && begun.Count == 0)
            return null;
        int Count(FindingType type) => found.Count(f => f.Type == type);
        return new FindingsStatus
        {
            Orphans = Count(FindingType.Orphan), EarlierLives = Count(FindingType.EarlierLife), Copies = Count(FindingType.Copy), MarksMissing = Count(FindingType.MarkMissing),
            Items = found.Count == 0 ? null : [.. found.Take(AccountHold.MaxNames).Select(f => new FoundObject
            {
                Type = f.Type.ToString(), Kind = f.Kind.ToString(), Name = f.Name, Incarnation = f.Incarnation, Id = f.Id,
                CreatedAt = f.CreatedAt is { } made ? WholeSeconds(made) : null, Since = f.Since is { } since ? WholeSeconds(since) : null, Verdict = f.Verdict.ToString(),
            })],
            Deletions = begun.Count == 0 ? null : begun,
        };
    }

    private static HoldStatus StatusOf(AccountHold hold) => new()
    {
        Reason = hold.Reason, AccountId = hold.Account.AccountId, Token = hold.Token, Since = WholeSeconds(hold.Since), Message = hold.Message, Count = hold.Count,
        Entries = hold.Entries.IsEmpty ? null : [.. hold.Entries], ConfirmedAt = hold.ConfirmedAt is { } at ? WholeSeconds(at) : null,
    };

    private static DateTimeOffset WholeSeconds(DateTimeOffset time) => new(time.UtcTicks - time.UtcTicks % TimeSpan.TicksPerSecond, TimeSpan.Zero);

    [LoggerMessage(EventId = 2204, Level = LogLevel.Error, Message = "ProviderConfig {Config}: {Reason}: {Text} It waits for a person to confirm {Token}")]
    private static partial void LogHeld(ILogger logger, string config, string reason, string text, string token);

    [LoggerMessage(EventId = 2205, Level = LogLevel.Information, Message = "ProviderConfig {Config}: hold {Token} is over")]
    private static partial void LogLetGo(ILogger logger, string config, string token);
}

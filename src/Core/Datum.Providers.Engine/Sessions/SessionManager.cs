using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Sessions;

/// <summary>A session, or why there is none.</summary>
/// <param name="Reason">Beside a session: why newer credentials aren't in use yet; empty when they are, or when there are none.</param>
/// <param name="RetryAt">When opening is tried again; null when only a change helps.</param>
public sealed record SessionAnswer(Session? Session, string Reason, string Message, DateTimeOffset? RetryAt);

/// <summary>
/// Opens one session for each connection and keeps it. A changed ProviderConfig opens a new session; the old one drains. New credentials
/// open one beside the old one, which works on until the new one has proved the same account.
/// A session that couldn't be opened isn't tried again before its delay is over, so that one account that is down costs one probe, not one for each resource.
/// </summary>
#pragma warning disable CA1001 // The source has no timer; Close cancels it, and attempts may still look at its token afterwards.
public sealed partial class SessionManager
#pragma warning restore CA1001
{
    /// <summary>How long a caller waits for a session; then it is told to come back, since others need its worker.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(30);

    private readonly HomePlane _home;
    private readonly IDriverConnector _connector;
    private readonly ICredentialSource _credentials;
    private readonly IScheduler _scheduler;
    private readonly ILogger<SessionManager> _logger;
    private readonly ICredentialVersions? _versions;
    private readonly AccountLimits? _limits;
    private readonly ConcurrentDictionary<string, Slot> _slots = [];
    private readonly CancellationTokenSource _closing = new();

    /// <param name="versions">Tells of new credentials; null: they are read when the platform refuses the old ones.</param>
    /// <param name="limits">The accounts' limits; null: there are none.</param>
    public SessionManager(
        HomePlane home, IDriverConnector connector, ICredentialSource credentials, IScheduler scheduler, ILogger<SessionManager> logger, ICredentialVersions? versions = null, AccountLimits? limits = null)
    {
        (_home, _connector, _credentials, _scheduler, _logger, _versions, _limits) = (home, connector, credentials, scheduler, logger, versions, limits);
        if (_versions is not null)
            _versions.Changed += OnCredentials;
    }

    /// <summary>Called with each session that was opened: the lister begins with it.</summary>
    public event Action<Session>? Opened;

    /// <summary>Called with the ProviderConfig whose session is used no more; the next one is opened when somebody asks for it.</summary>
    public event Action<string>? Invalidated;

    /// <summary>Called with a ProviderConfig's name when an attempt to open one of its sessions is over, whatever came of it.</summary>
    public event Action<string>? Attempted;

    public IReadOnlyCollection<Session> Open => [.. _slots.Values.Select(s => s.Session).OfType<Session>()];

    /// <summary>The session of a ledger entry: from its config and frozen location block alone, so that deletion works when the Location is gone.</summary>
    public Task<SessionAnswer> ForEntryAsync(ManagedResource entry, CancellationToken cancellation)
    {
        var config = _home.Configs.Find(new ObjectKey(null, entry.Spec.ProviderConfig));
        if (config is null)
            return Task.FromResult(new SessionAnswer(null, Reasons.ProviderConfigNotFound,
                $"ProviderConfig {entry.Spec.ProviderConfig} doesn't exist any more. Restore it; until then nothing is changed.", null));
        return ForAsync(config, entry.Spec.Driver, entry.Spec.LocationBlock, cancellation);
    }

    /// <summary>The session of a config and a location block.</summary>
    public async Task<SessionAnswer> ForAsync(ProviderConfig config, string driverId, JsonElement? locationBlock, CancellationToken cancellation)
    {
        if (_connector.Find(driverId) is not { } descriptor)
            return new SessionAnswer(null, Reasons.DriverMissing, _connector.WhyMissing(driverId), null);

        var scope = ScopeOf(descriptor, locationBlock);
        var name = $"{config.Metadata.Name}|{scope.GetRawText()}";
        var version = Version(config);
        var credential = _versions?.Of(config);
        var full = $"{version}|{credential}";
        var slot = _slots.GetOrAdd(name, _ => new Slot { ConfigName = config.Metadata.Name!, DriverId = driverId, Scope = scope });
        Attempt attempt;
        SessionAnswer? meanwhile = null;
        var begin = false;
        lock (slot)
        {
            var failed = slot.Failed == full && slot.NotBefore > _scheduler.Time.GetUtcNow();
            if (slot.Session is { } open && slot.Version == version)
            {
                if (credential is null || credential == slot.Credential)
                {
                    // An attempt for a config or credentials that were taken back decides nothing.
                    slot.Attempt = null;
                    return new SessionAnswer(open, "", "", null);
                }
                if (failed)
                    return new SessionAnswer(open, slot.Reason, slot.Message, slot.NotBefore);
                // Nobody waits for newer credentials: the old session works until the new one has proved itself.
                meanwhile = new SessionAnswer(open, "", "", null);
            }
            else if (failed)
            {
                slot.Attempt = null;
                return new SessionAnswer(null, slot.Reason, slot.Message, slot.NotBefore);
            }
            // One that began before the credentials' version was known waits for it by itself.
            begin = slot.Attempt is not { } running || running.Config != version || (running.Credential is not null && running.Credential != credential);
            attempt = slot.Attempt = begin ? new Attempt(version, credential, full) : slot.Attempt!;
        }
        if (begin)
            _ = _scheduler.Run(() => OpenAsync(config, descriptor, scope, name, slot, attempt));
        return meanwhile ?? await WithinPatienceAsync(attempt, cancellation).ConfigureAwait(false) ?? StillOpening(slot, full, descriptor);
    }

    /// <summary>New credentials are tried at once, not when something is next asked of the account: the old ones may end any moment.</summary>
    private void OnCredentials(string configName)
    {
        if (_home.Configs.Find(new ObjectKey(null, configName)) is not { } config)
            return;
        foreach (var slot in _slots.Values.Where(s => s.ConfigName == configName))
            _ = ForAsync(config, slot.DriverId, slot.Scope, _closing.Token);
        // Who has no session yet (the Secret came only now) asks again.
        Attempted?.Invoke(configName);
    }

    /// <summary>Waits for an attempt as long as a worker may stand still for one account (law L9); null when it isn't over by then.</summary>
    private async Task<SessionAnswer?> WithinPatienceAsync(Attempt attempt, CancellationToken cancellation)
    {
        if (attempt.Answer.Task.IsCompleted)
            return await attempt.Answer.Task.ConfigureAwait(false);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var first = await Task.WhenAny(attempt.Answer.Task, _scheduler.Delay(Patience, stop.Token)).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return first == attempt.Answer.Task ? await attempt.Answer.Task.ConfigureAwait(false) : null;
    }

    private SessionAnswer StillOpening(Slot slot, string full, DriverDescriptor descriptor)
    {
        var again = _scheduler.Time.GetUtcNow() + LookAgain;
        lock (slot)
            // The reason of the attempt before stays until this one says something else, so that a condition doesn't go to and fro.
            return slot.Failed == full && slot.Reason.Length > 0
                ? new SessionAnswer(null, slot.Reason, slot.Message, again)
                : new SessionAnswer(null, Reasons.Waiting,
                    $"Driver {descriptor.Id} is opening its session and hasn't answered yet. It may take {ProbeTimeout.TotalSeconds:0} s to answer its probe after it has connected; then the reason stands here.", again);
    }

    /// <summary>Lets a session go whose credentials were refused, or that speaks for another account now: the next use reads and proves them again.</summary>
    public void Invalidate(Session session)
    {
        var found = false;
        foreach (var slot in _slots.Values)
            lock (slot)
                if (ReferenceEquals(slot.Session, session))
                {
                    slot.Session = null;
                    slot.Version = "";
                    slot.Failed = null;
                    slot.Reason = "";
                    session.Retire();
                    found = true;
                }
        if (found)
            Invalidated?.Invoke(session.ConfigName);
    }

    /// <summary>Closes every session.</summary>
    public void Close()
    {
        if (_versions is not null)
            _versions.Changed -= OnCredentials;
        _closing.Cancel();
        foreach (var session in Open)
            session.Retire();
        _slots.Clear();
    }

    private async Task OpenAsync(ProviderConfig config, DriverDescriptor descriptor, JsonElement scope, string name, Slot slot, Attempt attempt)
    {
        var failure = new Failure("", "", RecoveryAction.RetrySlowly, null);
        Session? session = null;
        string? credential = null;
        try
        {
            // Before the values are read: they are at least as new, and a later version is told.
            credential = _versions is null ? null : await _versions.WaitAsync(config, _closing.Token).ConfigureAwait(false);
            (session, failure) = await TryOpenAsync(config, descriptor, scope, $"{name}|{attempt.Config}|{credential}", _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever it was, it is this account's alone (law L9); its resources become Unknown and it is tried again.
            failure = failure with { Reason = Reasons.ProbeFailed, Message = $"The session couldn't be opened: {e.Message}" };
        }

        SessionAnswer answer;
        Session? retired = null;
        lock (slot)
        {
            if (slot.Attempt != attempt || _closing.IsCancellationRequested)
            {
                // The config was changed meanwhile: another attempt decides.
                session?.Retire();
                attempt.Answer.SetResult(new SessionAnswer(null, Reasons.Waiting, "The ProviderConfig has changed; a new session is being opened.", _scheduler.Time.GetUtcNow()));
                return;
            }
            slot.Attempt = null;
            var old = slot.Session is { } open && slot.Version == attempt.Config ? open : null;
            if (old is not null && session is not null && session.Account.AccountId != old.Account.AccountId)
            {
                // L15: what the old session made can't be seen by these. They may be another account's by mistake, so the old ones stay in use.
                failure = new Failure(Reasons.AccountChanged,
                    $"The new credentials are those of account {session.Account.AccountId}, what is there was made in {old.Account.AccountId}. The old ones stay in use; correct the credentials, or make a ProviderConfig of its own for the other account.",
                    RecoveryAction.RetrySlowly, null);
                (retired, session) = (session, null);
            }
            if (session is null && old is not null)
            {
                answer = Fail(slot, failure, $"{attempt.Config}|{credential}") with { Session = old };
            }
            else
            {
                if (session is not null && old is not null)
                    session.Follow(old);
                slot.Session?.Retire();
                slot.Session = session;
                slot.Version = attempt.Config;
                slot.Credential = credential;
                if (session is not null)
                    (slot.Failures, slot.Reason, slot.Failed) = (0, "", null);
                answer = session is null ? Fail(slot, failure, $"{attempt.Config}|{credential}") : new SessionAnswer(session, "", "", null);
            }
        }
        retired?.Retire();
        if (session is not null)
        {
            LogOpened(_logger, descriptor.Id, config.Metadata.Name!, session.Account.AccountId);
            Opened?.Invoke(session);
        }
        else if (answer.Session is not null)
        {
            LogNotTaken(_logger, config.Metadata.Name!, answer.Reason, answer.Message);
        }
        attempt.Answer.SetResult(answer);
        Attempted?.Invoke(config.Metadata.Name!);
    }

    private async Task<(Session?, Failure)> TryOpenAsync(ProviderConfig config, DriverDescriptor descriptor, JsonElement scope, string key, CancellationToken cancellation)
    {
        var name = config.Metadata.Name!;
        var hints = "";
        DriverError error;
        try
        {
            var connection = ConnectionOf(config, descriptor, scope);
            var values = await _credentials.ReadAsync(config, cancellation).ConfigureAwait(false);
            if (descriptor.CredentialKeys.FirstOrDefault(k => k.Required && !values.ContainsKey(k.Key)) is { } missing)
                throw new CredentialsException(
                    $"ProviderConfig {name}: the credentials lack the key '{missing.Key}' ({missing.Description}). They have {(values.Count == 0 ? "no key" : string.Join(", ", values.Keys.Order(StringComparer.Ordinal)))}.");
            hints = CredentialHints.Of(descriptor, values);

            var driver = await _connector.ConnectAsync(new SessionRequest
            {
                DriverId = descriptor.Id, Name = name, Connection = connection,
                CaBundle = config.Spec.CaBundle, Fingerprint = config.Spec.Fingerprint, Proxy = config.Spec.Proxy, Credentials = values,
            }, cancellation).ConfigureAwait(false);

            using var frame = Calls.New(_scheduler, ProbeTimeout, cancellation);
            var probe = await driver.ProbeAsync(frame.Call).ConfigureAwait(false);
            if (probe.Error is null)
                return (new Session(key, name, connection, descriptor, driver, probe.Value!, _scheduler, _limits?.Meter(descriptor, config, probe.Value!.AccountId)), new Failure("", "", RecoveryAction.RetrySlowly, null));
            await driver.DisposeAsync().ConfigureAwait(false);
            error = probe.Error;
        }
        catch (DriverException e)
        {
            error = e.Error;
        }
        catch (ConfigException e)
        {
            return (null, new Failure(Reasons.InvalidConfig, e.Message, RecoveryAction.RetrySlowly, null));
        }
        catch (CredentialsException e)
        {
            return (null, new Failure(Reasons.CredentialsMissing, e.Message, RecoveryAction.RetrySlowly, null));
        }
        var action = Recovery.After(error.Code);
        return (null, new Failure(error.Code is ErrorCode.Invalid ? Reasons.InvalidConfig : Reasons.ProbeFailed,
            $"{error.Code}: {error.Message}{(hints.Length > 0 ? " " + hints : "")}",
            action is RecoveryAction.WaitForChange ? RecoveryAction.RetrySlowly : action, error.RetryAfter));
    }

    private SessionAnswer Fail(Slot slot, Failure failure, string full)
    {
        slot.Failed = full;
        slot.Reason = failure.Reason;
        slot.Message = failure.Message;
        slot.NotBefore = _scheduler.Time.GetUtcNow()
            + (Recovery.Delay(failure.Action, slot.Failures++, failure.RetryAfter, _scheduler.NextRandom()) ?? TimeSpan.FromMinutes(5));
        return new SessionAnswer(null, failure.Reason, failure.Message, slot.NotBefore);
    }

    private Connection ConnectionOf(ProviderConfig config, DriverDescriptor descriptor, JsonElement scope)
    {
        Uri? endpoint = null;
        if (!string.IsNullOrEmpty(config.Spec.Endpoint) && !Uri.TryCreate(config.Spec.Endpoint, UriKind.Absolute, out endpoint))
            throw new ConfigException($"ProviderConfig {config.Metadata.Name}: spec.endpoint '{config.Spec.Endpoint}' is no absolute URL, such as https://api.example.com:443.");
        if (config.Spec.Settings is { } settings && SchemaCheck.Validate(descriptor.SettingsSchema, settings, "spec.settings") is { } wrong)
            throw new ConfigException($"ProviderConfig {config.Metadata.Name}: {wrong} The settings of driver {descriptor.Id} stand on its page.");
        return new Connection
        {
            Endpoint = endpoint,
            Location = scope,
            Settings = config.Spec.Settings ?? default,
            Installation = _home.Installation,
            AllowUnenforcedPolicies = config.Spec.AllowUnenforcedPolicies == true,
            AllowUnenforcedDiskSize = config.Spec.AllowUnenforcedDiskSize == true,
            AllowSecretsInUserData = config.Spec.AllowSecretsInUserData == true,
            Images = config.Spec.Images?.ToImmutableDictionary() ?? [],
            DiskTypes = config.Spec.DiskTypes?.ToImmutableDictionary() ?? [],
        };
    }

    internal static JsonElement ScopeOf(DriverDescriptor descriptor, JsonElement? block)
    {
        var values = new System.Text.Json.Nodes.JsonObject();
        if (block is { ValueKind: JsonValueKind.Object } b)
            foreach (var field in descriptor.SessionScope.Order(StringComparer.Ordinal))
                if (b.TryGetProperty(field, out var value))
                    values[field] = System.Text.Json.Nodes.JsonNode.Parse(value.GetRawText());
        return JsonElement.Parse(values.ToJsonString());
    }

    /// <summary>Changes with every part of the spec that a session is made of.</summary>
    private static string Version(ProviderConfig config)
    {
        var s = config.Spec;
        var text = string.Join('\n', config.Metadata.Uid, s.Endpoint, s.CaBundle, s.Fingerprint, s.Proxy, s.Credentials?.Source, s.Credentials?.SecretRef?.Name,
            s.Credentials?.File?.Path, s.Credentials?.Environment?.Prefix, s.Settings is { } settings ? CanonicalJson.Digest(settings) : "",
            s.AllowUnenforcedPolicies, s.AllowUnenforcedDiskSize, s.AllowSecretsInUserData,
            string.Join(',', s.Images?.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}") ?? []),
            string.Join(',', s.DiskTypes?.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}") ?? []));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "Session of driver {Driver} for ProviderConfig {Config} opened, account {Account}")]
    private static partial void LogOpened(ILogger logger, string driver, string config, string account);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Warning, Message = "New credentials of ProviderConfig {Config} aren't taken, the old session goes on ({Reason}): {Error}")]
    private static partial void LogNotTaken(ILogger logger, string config, string reason, string error);

    private sealed record Failure(string Reason, string Message, RecoveryAction Action, TimeSpan? RetryAfter);

    /// <summary>One try to open a session; everybody who wants the session waits for the same one.</summary>
    /// <param name="config">The version of the ProviderConfig.</param>
    /// <param name="credential">The version of the credentials as far as it was known.</param>
    /// <param name="full">Both.</param>
    private sealed class Attempt(string config, string? credential, string full)
    {
        public string Config { get; } = config;
        public string? Credential { get; } = credential;
        public string Full { get; } = full;
        public TaskCompletionSource<SessionAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>One account's session or the reason why there is none; guarded by its own lock.</summary>
    private sealed class Slot
    {
        public required string ConfigName { get; init; }
        public required string DriverId { get; init; }
        public required JsonElement Scope { get; init; }
        public Session? Session { get; set; }

        /// <summary>The version of the config that the session was opened with, and that of its credentials.</summary>
        public string Version { get; set; } = "";
        public string? Credential { get; set; }
        public Attempt? Attempt { get; set; }

        /// <summary>What the last failure was about; null when the last attempt succeeded.</summary>
        public string? Failed { get; set; }
        public string Reason { get; set; } = "";
        public string Message { get; set; } = "";
        public DateTimeOffset NotBefore { get; set; }
        public int Failures { get; set; }
    }

    /// <summary>A field of a ProviderConfig that no driver can be given.</summary>
    private sealed class ConfigException(string message) : Exception(message);
}

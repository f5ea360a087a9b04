using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Engine.Decisions;
using Datum.Providers.Engine.Platform;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Providers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Engine.Sessions;

/// <summary>A session, or why there is none.</summary>
/// <param name="RetryAt">When opening is tried again; null when only a change helps.</param>
public sealed record SessionAnswer(Session? Session, string Reason, string Message, DateTimeOffset? RetryAt);

/// <summary>
/// Opens one session for each connection and keeps it. A changed ProviderConfig opens a new session; the old one drains.
/// A session that couldn't be opened isn't tried again before its delay is over, so that one account that is down costs one probe, not one for each resource.
/// </summary>
public sealed partial class SessionManager(
    HomePlane home, IDriverConnector connector, ICredentialSource credentials, IScheduler scheduler, ILogger<SessionManager> logger)
{
    private readonly ConcurrentDictionary<string, Slot> _slots = [];

    /// <summary>Called with each session that was opened: the lister begins with it.</summary>
    public event Action<Session>? Opened;

    public IReadOnlyCollection<Session> Open => [.. _slots.Values.Select(s => s.Session).OfType<Session>()];

    /// <summary>The session of a ledger entry: from its config and frozen location block alone, so that deletion works when the Location is gone.</summary>
    public Task<SessionAnswer> ForEntryAsync(ManagedResource entry, CancellationToken cancellation)
    {
        var config = home.Configs.Find(new ObjectKey(null, entry.Spec.ProviderConfig));
        if (config is null)
            return Task.FromResult(new SessionAnswer(null, Reasons.ProviderConfigNotFound,
                $"ProviderConfig {entry.Spec.ProviderConfig} doesn't exist any more. Restore it; until then nothing is changed.", null));
        return ForAsync(config, entry.Spec.Driver, entry.Spec.LocationBlock, cancellation);
    }

    /// <summary>The session of a config and a location block.</summary>
    public async Task<SessionAnswer> ForAsync(ProviderConfig config, string driverId, JsonElement? locationBlock, CancellationToken cancellation)
    {
        if (connector.Find(driverId) is not { } descriptor)
            return new SessionAnswer(null, Reasons.DriverMissing, connector.WhyMissing(driverId), null);

        var scope = ScopeOf(descriptor, locationBlock);
        var name = $"{config.Metadata.Name}|{scope.GetRawText()}";
        var slot = _slots.GetOrAdd(name, static _ => new Slot());
        await slot.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var version = Version(config);
            if (slot.Session is { } open && slot.Version == version)
                return new SessionAnswer(open, "", "", null);
            if (slot.Version == version && slot.NotBefore > scheduler.Time.GetUtcNow())
                return new SessionAnswer(null, slot.Reason, slot.Message, slot.NotBefore);

            var answer = await OpenAsync(config, descriptor, scope, $"{name}|{version}", slot, cancellation).ConfigureAwait(false);
            slot.Version = version;
            return answer;
        }
        finally
        {
            slot.Gate.Release();
        }
    }

    /// <summary>Lets a session go whose credentials were refused: the next use reads them again.</summary>
    public void Invalidate(Session session)
    {
        foreach (var slot in _slots.Values)
            if (ReferenceEquals(slot.Session, session))
            {
                slot.Session = null;
                slot.Version = "";
                session.Retire();
            }
    }

    /// <summary>Closes every session.</summary>
    public void Close()
    {
        foreach (var session in Open)
            session.Retire();
        _slots.Clear();
    }

    private async Task<SessionAnswer> OpenAsync(
        ProviderConfig config, DriverDescriptor descriptor, JsonElement scope, string key, Slot slot, CancellationToken cancellation)
    {
        DriverError error;
        try
        {
            var connection = ConnectionOf(config, scope);
            var values = await credentials.ReadAsync(config, cancellation).ConfigureAwait(false);
            if (descriptor.CredentialKeys.FirstOrDefault(k => k.Required && !values.ContainsKey(k.Key)) is { } missing)
                throw new CredentialsException($"ProviderConfig {config.Metadata.Name}: the credentials lack the key '{missing.Key}' ({missing.Description}).");

            var driver = await connector.ConnectAsync(new SessionRequest
            {
                DriverId = descriptor.Id, Name = config.Metadata.Name!, Connection = connection,
                CaBundle = config.Spec.CaBundle, Proxy = config.Spec.Proxy, Credentials = values,
            }, cancellation).ConfigureAwait(false);

            using var frame = Calls.New(scheduler, TimeSpan.FromSeconds(30), cancellation);
            var probe = await driver.ProbeAsync(frame.Call).ConfigureAwait(false);
            if (probe.Error is null)
            {
                var session = new Session(key, config.Metadata.Name!, connection, descriptor, driver, probe.Value!, scheduler);
                slot.Session?.Retire();
                slot.Session = session;
                slot.Failures = 0;
                LogOpened(logger, descriptor.Id, config.Metadata.Name!, session.Account.AccountId);
                Opened?.Invoke(session);
                return new SessionAnswer(session, "", "", null);
            }
            await driver.DisposeAsync().ConfigureAwait(false);
            error = probe.Error;
        }
        catch (DriverException e)
        {
            error = e.Error;
        }
        catch (CredentialsException e)
        {
            return Fail(slot, Reasons.CredentialsMissing, e.Message, RecoveryAction.RetrySlowly, null);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever it was, it is this account's alone (law L9); its resources become Unknown and it is tried again.
            return Fail(slot, Reasons.ProbeFailed, $"The session couldn't be opened: {e.Message}", RecoveryAction.RetrySlowly, null);
        }
        return Fail(slot, error.Code is ErrorCode.Invalid ? Reasons.InvalidConfig : Reasons.ProbeFailed,
            $"{error.Code}: {error.Message}",
            Recovery.After(error.Code) is RecoveryAction.WaitForChange ? RecoveryAction.RetrySlowly : Recovery.After(error.Code), error.RetryAfter);
    }

    private SessionAnswer Fail(Slot slot, string reason, string message, RecoveryAction action, TimeSpan? retryAfter)
    {
        slot.Session?.Retire();
        slot.Session = null;
        slot.Reason = reason;
        slot.Message = message;
        slot.NotBefore = scheduler.Time.GetUtcNow() + (Recovery.Delay(action, slot.Failures++, retryAfter, scheduler.NextRandom()) ?? TimeSpan.FromMinutes(5));
        return new SessionAnswer(null, reason, message, slot.NotBefore);
    }

    private Connection ConnectionOf(ProviderConfig config, JsonElement scope)
    {
        Uri? endpoint = null;
        if (!string.IsNullOrEmpty(config.Spec.Endpoint) && !Uri.TryCreate(config.Spec.Endpoint, UriKind.Absolute, out endpoint))
            throw new CredentialsException($"ProviderConfig {config.Metadata.Name}: spec.endpoint '{config.Spec.Endpoint}' is no absolute URL.");
        return new Connection
        {
            Endpoint = endpoint,
            Location = scope,
            Settings = config.Spec.Settings ?? default,
            Installation = home.Installation,
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
        var text = string.Join('\n', config.Metadata.Uid, s.Endpoint, s.CaBundle, s.Proxy, s.Credentials?.Source, s.Credentials?.SecretRef?.Name,
            s.Credentials?.File?.Path, s.Credentials?.Environment?.Prefix, s.Settings is { } settings ? CanonicalJson.Digest(settings) : "",
            s.AllowUnenforcedPolicies, s.AllowUnenforcedDiskSize, s.AllowSecretsInUserData,
            string.Join(',', s.Images?.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}") ?? []),
            string.Join(',', s.DiskTypes?.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{p.Key}={p.Value}") ?? []));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Information, Message = "Session of driver {Driver} for ProviderConfig {Config} opened, account {Account}")]
    private static partial void LogOpened(ILogger logger, string driver, string config, string account);

    private sealed class Slot
    {
        public SemaphoreSlim Gate { get; } = new(1, 1);
        public Session? Session { get; set; }
        public string Version { get; set; } = "";
        public string Reason { get; set; } = "";
        public string Message { get; set; } = "";
        public DateTimeOffset NotBefore { get; set; }
        public int Failures { get; set; }
    }
}

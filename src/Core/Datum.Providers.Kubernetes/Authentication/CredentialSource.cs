using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// Gives the credential of a connection: fixed, from files that rotate, or from a plugin. One look at a time; who comes meanwhile waits for it.
/// </summary>
#pragma warning disable CA1001 // A semaphore whose wait handle nobody asks for holds nothing.
internal sealed partial class CredentialSource(KubernetesConnection connection)
#pragma warning restore CA1001
{
    private static readonly TimeSpan FileAge = TimeSpan.FromMinutes(1);

    /// <summary>A plugin is run before its credential expires, by as much as this or a tenth of its life.</summary>
    private static readonly TimeSpan LongestLead = TimeSpan.FromMinutes(1);

    /// <summary>A plugin whose fresh credential is refused as well isn't run for each refusal.</summary>
    private static readonly TimeSpan RefusalPause = TimeSpan.FromSeconds(10);

    /// <summary>All who waited for a plugin that failed are told of that one failure.</summary>
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private Credential? _current;
    private Credential? _last;
    private (KubeConfigException Error, long At)? _failure;
    private long? _refusedAt;
    private bool _refused;

    private bool HasFiles => connection.TokenFile is not null || connection.AuthoritiesFile is not null || connection.ClientCertificateFile is not null;

    /// <exception cref="HttpRequestException">There is none; <see cref="HttpRequestException.HttpRequestError"/> is UserAuthenticationError.</exception>
    public async ValueTask<Credential> CurrentAsync(TimeProvider time, ILogger logger, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _current) is { } known && IsCurrent(known, time))
            return known;
        await _gate.WaitAsync(cancellation);
        try
        {
            if (_current is { } other && IsCurrent(other, time))
                return other;
            var refused = _refused;
            var made = await MakeAsync(refused, time, logger, cancellation);
            _refused = false;
            _last = made;
            Volatile.Write(ref _current, made);
            return made;
        }
        catch (KubeConfigException error)
        {
            throw new HttpRequestException(HttpRequestError.UserAuthenticationError, error.Message, error);
        }
        finally
        {
            _gate.Release();
        }
    }

    private bool IsCurrent(Credential known, TimeProvider time) => known.IsFresh(time) && connection.Tokens?.HasOther(known.Authorization?.Parameter) != true;

    /// <summary>After a refusal: waits for another token that is on its way.</summary>
    public Task SettledAsync(CancellationToken cancellation) => connection.Tokens?.SettledAsync(cancellation) ?? Task.CompletedTask;

    /// <summary>The server answered 401 to it: the next request looks again.</summary>
    public void Refused(Credential used, TimeProvider time, ILogger logger)
    {
        connection.Tokens?.Suspect(used.Authorization?.Parameter, time, logger);
        if (!HasFiles && connection.Exec is null)
            return;
        if (connection.Exec is not null && _refusedAt is { } before && time.GetElapsedTime(before) < RefusalPause)
            return;
        if (Interlocked.CompareExchange(ref _current, null, used) != used)
            return;
        _refusedAt = time.GetTimestamp();
        _refused = true;
    }

    private async Task<Credential> MakeAsync(bool refused, TimeProvider time, ILogger logger, CancellationToken cancellation)
    {
        var look = HasFiles ? time.GetTimestamp() + (long)(FileAge.TotalSeconds * time.TimestampFrequency) : long.MaxValue;
        var tls = Tls(logger);
        if (connection.Tokens is { } tokens)
        {
            var (token, again) = await tokens.GetAsync(time, logger, cancellation);
            return new Credential { Authorization = AccessTokens.Header(token), Tls = tls, LookAgainAt = look, RunAgainAt = again, ExpiresAt = token.ExpiresAt };
        }
        if (connection.Exec is { } plugin)
            return await FromPluginAsync(plugin, tls, look, refused, time, cancellation);
        return new Credential { Authorization = await AuthorizationAsync(refused, logger, cancellation), Tls = tls, LookAgainAt = look };
    }

    private async Task<Credential> FromPluginAsync(ExecPlugin plugin, TlsIdentity tls, long look, bool refused, TimeProvider time, CancellationToken cancellation)
    {
        // Only the authorities' file was due.
        if (!refused && _last is { } last && (last.RunAgainAt is not { } at || time.GetUtcNow() < at))
            return last with { Tls = new TlsIdentity(last.Tls.Certificate, last.Tls.Chain, tls.Authorities), LookAgainAt = look };
        // A plugin is run before its credential expires: until then a failure costs nothing.
        var still = !refused && _last is { ExpiresAt: { } expiry } && time.GetUtcNow() < expiry ? _last : null;
        if (_failure is { } failure && time.GetElapsedTime(failure.At) < FailurePause)
            return still ?? throw failure.Error;
        ExecCredentialStatus status;
        try
        {
            status = await ExecRunner.RunAsync(plugin, connection.Environment, time, cancellation);
            _failure = null;
        }
        catch (KubeConfigException error)
        {
            _failure = (error, time.GetTimestamp());
            if (still is not null)
                return still;
            throw;
        }
        if (!string.IsNullOrEmpty(status.ClientKeyData))
        {
            var (leaf, chain) = Pem.Identity(status.ClientCertificateData!, status.ClientKeyData, $"{plugin.Origin}: clientCertificateData and clientKeyData of the plugin");
            tls = new TlsIdentity(leaf, chain, tls.Authorities);
        }
        var now = time.GetUtcNow();
        DateTimeOffset? again = null;
        if (status.ExpirationTimestamp is { } expires)
        {
            var life = expires > now ? expires - now : TimeSpan.Zero;
            var lead = life / 10 < LongestLead ? life / 10 : LongestLead;
            again = expires - lead;
        }
        return new Credential { Authorization = Bearer(status.Token), Tls = tls, LookAgainAt = look, RunAgainAt = again, ExpiresAt = status.ExpirationTimestamp };
    }

    private async Task<AuthenticationHeaderValue?> AuthorizationAsync(bool refused, ILogger logger, CancellationToken cancellation)
    {
        if (connection.Basic is { } basic)
            return new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{basic.Username}:{basic.Password}")));
        if (connection.TokenFile is not { } file)
            return Bearer(connection.Token);
        try
        {
            var token = (await File.ReadAllTextAsync(file, cancellation)).Trim();
            return token.Length > 0 ? Bearer(token) : throw new IOException("it is empty");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A file that is just being replaced; the token that it held is good until the server says otherwise.
            if (!refused && _last is { } last)
            {
                LogKept(logger, file, error.Message);
                return last.Authorization;
            }
            throw new KubeConfigException($"{file}: the token can't be read ({error.Message}). Make the file readable or name another.", error);
        }
    }

    private TlsIdentity Tls(ILogger logger)
    {
        var known = _last?.Tls;
        if (known is not null && !HasFiles)
            return known;
        var identity = new TlsIdentity(known?.Certificate ?? connection.ClientCertificate, known?.Chain ?? connection.ClientCertificateChain, known?.Authorities ?? connection.Authorities);
        try
        {
            if (connection.ClientCertificateFile is { } certificate && connection.ClientKeyFile is { } key)
            {
                var (leaf, chain) = Pem.Identity(Pem.Read(certificate, certificate), Pem.Read(key, key), $"{certificate} and {key}");
                identity = new TlsIdentity(leaf, chain, identity.Authorities);
            }
            if (connection.AuthoritiesFile is { } authorities)
                identity = new TlsIdentity(identity.Certificate, identity.Chain, Pem.Authorities(Pem.Read(authorities, authorities), authorities));
        }
        catch (KubeConfigException error) when (identity.Certificate is not null || identity.Authorities is not null)
        {
            // Certificate and key are two files; between their replacements they don't fit.
            LogKept(logger, connection.ClientCertificateFile ?? connection.AuthoritiesFile, error.Message);
        }
        // The same objects keep the same connections.
        return known is not null && known.Key == identity.Key ? known : identity;
    }

    private static AuthenticationHeaderValue? Bearer(string? token) => string.IsNullOrEmpty(token) ? null : new AuthenticationHeaderValue("Bearer", token);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} can't be used now ({Reason}); what it held before is used on")]
    private static partial void LogKept(ILogger logger, string? file, string reason);
}

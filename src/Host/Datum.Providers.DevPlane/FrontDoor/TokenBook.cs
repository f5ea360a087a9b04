using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.DevPlane;

/// <summary>
/// The tokens that are good now: the plane's own, those of the token file, those that were issued. Only hashes are kept; a look-up goes
/// by the SHA-256 of what was presented, so its time says nothing about a token.
/// </summary>
internal sealed partial class TokenBook : IDisposable
{
    private const int MaxIssued = 10_000;

    /// <summary>A file that was written so short before it was read may change again without a new time stamp.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    private readonly FrontDoorOptions? options;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Dictionary<string, Grant> own;
    private readonly ConcurrentDictionary<string, Grant> issued = new(StringComparer.Ordinal);
    private readonly Lock reading = new();
    private readonly ITimer? timer;
    private volatile TokenEntries entries = new(new Dictionary<string, Grant>(), new Dictionary<string, Grant>(), new Dictionary<string, ServiceAccount>(), new Dictionary<string, Grant>());
    private (DateTime Written, long Length, bool Settled) seen;
    private string complaint = "";

    /// <exception cref="IOException">The token file can't be read, or others may read it.</exception>
    /// <exception cref="FormatException">It isn't a token file; the message names the field and no value.</exception>
    public TokenBook(IReadOnlyList<PlaneToken> tokens, FrontDoorOptions? options, TimeProvider time, ILogger logger)
    {
        (this.options, this.time, this.logger) = (options, time, logger);
        own = tokens.ToDictionary(t => TokenFile.Hash(t.Token), t => new Grant { Subject = t.User, Access = t.Access, Everywhere = true }, StringComparer.Ordinal);
        if (options?.TokenFile is not { } path) return;
        Take(Stamp(path), TokenFile.Load(path));
        timer = time.CreateTimer(_ => Look(), null, options.TokenFilePeriod, options.TokenFilePeriod);
    }

    /// <summary>The grant of the request's bearer token; null where it has none or one that isn't good.</summary>
    public Grant? Find(HttpContext context) => Bearer(context) is { } token ? Find(token) : null;

    public Grant? Find(string token)
    {
        var hash = TokenFile.Hash(token);
        var grant = own.GetValueOrDefault(hash) ?? entries.Bearers.GetValueOrDefault(hash) ?? issued.GetValueOrDefault(hash);
        return grant?.IsGood(time.GetUtcNow()) == true ? grant : null;
    }

    public Grant? FindPersonal(string token) =>
        entries.Personal.GetValueOrDefault(TokenFile.Hash(token)) is { } grant && grant.IsGood(time.GetUtcNow()) ? grant : null;

    public ServiceAccount? FindAccount(string clientId) =>
        entries.Accounts.GetValueOrDefault(clientId) is { } account && account.Grant.IsGood(time.GetUtcNow()) ? account : null;

    public static string? Bearer(HttpContext context)
    {
        const string scheme = "Bearer ";
        var header = context.Request.Headers.Authorization;
        return header.Count == 1 && header[0] is { } text && text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? text[scheme.Length..].Trim() : null;
    }

    /// <summary>Makes a bearer token with the rights of an entry, which ends with it. Null when too many are out.</summary>
    public (string Token, TimeSpan Life)? Issue(Grant source)
    {
        var now = time.GetUtcNow();
        foreach (var (hash, old) in issued)
        {
            if (!old.IsGood(now)) issued.TryRemove(hash, out _);
        }

        if (issued.Count >= MaxIssued) return null;
        var life = options!.TokenLife;
        if (source.Expires is { } end && end - now < life) life = end - now;
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        issued[TokenFile.Hash(token)] = new Grant { Subject = source.Subject, Access = source.Access, Core = source.Core, Scopes = source.Scopes, Expires = now + life, Source = source };
        return (token, life);
    }

    /// <summary>Ends a watch when its token does: a stream that was allowed once isn't allowed for ever.</summary>
    /// <param name="more">What else ends it.</param>
    public void EndWith(HttpContext context, Grant grant, CancellationToken more = default)
    {
        if (!context.Flag("watch")) return;
        var ends = grant.Expires is { } own && grant.Source?.Expires is { } above ? (own < above ? own : above) : grant.Expires;
        var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, grant.Ended, more);
        context.Response.RegisterForDispose(stop);
        if (ends is { } at)
        {
            var left = at - time.GetUtcNow();
            var timeout = new CancellationTokenSource(left < TimeSpan.Zero ? TimeSpan.Zero : left < TimeSpan.FromDays(1) ? left : TimeSpan.FromDays(1), time);
            context.Response.RegisterForDispose(timeout);
            var both = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, timeout.Token);
            context.Response.RegisterForDispose(both);
            stop = both;
        }

        context.RequestAborted = stop.Token;
    }

    public void Dispose()
    {
        timer?.Dispose();
        foreach (var grant in own.Values.Concat(entries.ByText.Values)) grant.Dispose();
    }

    private void Look()
    {
        lock (reading)
        {
            try
            {
                var stamp = Stamp(options!.TokenFile!);
                if (seen.Settled && stamp == seen) return;
                Take(stamp, TokenFile.Load(options.TokenFile!));
                complaint = "";
            }
            catch (Exception e)
            {
                // A half-written file must lock nobody out and let nobody in: what was read last stays. Only our own words are repeated.
                var why = e is IOException or FormatException ? e.Message : $"The token file can't be read ({e.GetType().Name}).";
                if (complaint != why) Refused(logger, why);
                complaint = why;
            }
        }
    }

    private (DateTime Written, long Length, bool Settled) Stamp(string path)
    {
        var info = new FileInfo(path);
        // A mounted secret is a link whose target changes.
        if (info.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target) info = target;
        if (!info.Exists) throw new FileNotFoundException($"The token file '{path}' doesn't exist.");
        var written = info.LastWriteTimeUtc;
        return (written, info.Length, time.GetUtcNow().UtcDateTime - written > Settled);
    }

    private void Take((DateTime Written, long Length, bool Settled) stamp, byte[] bytes)
    {
        var before = entries;
        var fresh = TokenFile.Parse(bytes, options!.Kinds, before);
        CryptographicOperations.ZeroMemory(bytes);
        seen = stamp;
        entries = fresh;
        var gone = before.ByText.Where(e => !fresh.ByText.ContainsKey(e.Key)).Select(e => e.Value).ToList();
        foreach (var grant in gone) grant.End();
        if (gone.Count > 0 || fresh.ByText.Count != before.ByText.Count) Read(logger, fresh.Bearers.Count, fresh.Personal.Count, fresh.Accounts.Count);
    }

    [LoggerMessage(40, LogLevel.Information, "The token file holds {Tokens} tokens, {Personal} personal access tokens and {Accounts} service accounts.")]
    private static partial void Read(ILogger logger, int tokens, int personal, int accounts);

    [LoggerMessage(41, LogLevel.Warning, "{Why} What was read from it last stays in force.")]
    private static partial void Refused(ILogger logger, string why);
}

using System.Text;
using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox.Auth;

/// <summary>How a session proves who it is: an API token, which needs no sign-in, or a user's ticket, which lives for two hours.</summary>
internal sealed class PveSignIn : IDisposable
{
    private readonly IDisposable? _owned;

    private PveSignIn(IRequestAuthorizer authorizer, Redactor redactor, IDisposable? owned = null, string? user = null)
    {
        User = user;
        Authorizer = authorizer;
        Redactor = redactor;
        _owned = owned;
    }

    public IRequestAuthorizer Authorizer { get; }

    /// <summary>The user; null with an API token.</summary>
    public string? User { get; }

    /// <summary>Hides the credentials.</summary>
    public Redactor Redactor { get; }

    public static async ValueTask<PveSignIn> OpenAsync(IDriverHost host, Uri endpoint, CancellationToken cancellation)
    {
        var token = Text(await host.ReadCredentialAsync(ProxmoxDescriptor.TokenCredential, cancellation));
        if (token.Length > 0)
        {
            // user@realm!name=uuid
            var equals = token.LastIndexOf('=');
            if (token.StartsWith("PVEAPIToken=", StringComparison.OrdinalIgnoreCase) || equals < 1 || equals == token.Length - 1 || !token[..equals].Contains('@', StringComparison.Ordinal)
                || !token[..equals].Contains('!', StringComparison.Ordinal) || token.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
                throw Refuse(ProxmoxDescriptor.TokenCredential, "The API token isn't of the form user@realm!name=secret.");
            return new PveSignIn(new ApiKeyAuthorizer("Authorization", token, "PVEAPIToken="), new Redactor(token, token[(equals + 1)..]));
        }

        var user = Text(await host.ReadCredentialAsync(ProxmoxDescriptor.UserCredential, cancellation));
        var password = await host.ReadCredentialAsync(ProxmoxDescriptor.PasswordCredential, cancellation);
        if (user.Length == 0 || password.IsEmpty)
            throw Refuse("credentials", $"The credentials hold neither {ProxmoxDescriptor.TokenCredential} nor {ProxmoxDescriptor.UserCredential} and {ProxmoxDescriptor.PasswordCredential}.");
        if (!user.Contains('@', StringComparison.Ordinal) || user.Length > 64)
            throw Refuse(ProxmoxDescriptor.UserCredential, "The user isn't of the form user@realm.");
        var redactor = new Redactor(Text(password), user);
        var tickets = new TicketAuthorizer(host, endpoint, user, redactor);
        return new PveSignIn(tickets, redactor, tickets, user);
    }

    public void Dispose() => _owned?.Dispose();

    internal static string Text(ReadOnlyMemory<byte> value) => Encoding.UTF8.GetString(value.Span).TrimEnd('\r', '\n');

    private static DriverException Refuse(string field, string message) =>
        new(new DriverError { Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = field, Message = message });
}

/// <summary>Tickets: a cookie on every request and, on changes, the token against cross-site requests that came with it.</summary>
internal sealed class TicketAuthorizer : IRequestAuthorizer, IDisposable
{
    /// <summary>The platform takes a ticket for two hours.</summary>
    private static readonly TimeSpan Life = TimeSpan.FromHours(2);

    private readonly IDriverHost _host;
    private readonly RestClient _client;
    private readonly string _user;
    private readonly TokenCache _cache;

    public TicketAuthorizer(IDriverHost host, Uri endpoint, string user, Redactor redactor)
    {
        _host = host;
        _user = user;
        _client = new RestClient(host.HttpHandler, PveApi.OptionsFor(endpoint, host.Time, redactor));
        _cache = new TokenCache(host.Time, SignInAsync, TimeSpan.FromMinutes(20));
    }

    public async ValueTask<long> AuthorizeAsync(OutgoingRequest request)
    {
        var (token, generation) = await _cache.GetAsync(request.Call);
        var ticket = (Ticket)token;
        // The host keeps no cookies; this is a header like another.
        request.SetHeader("Cookie", "PVEAuthCookie=" + Uri.EscapeDataString(ticket.Value));
        request.AddSecret(ticket.Value);
        request.AddSecret(ticket.Prevention);
        if (request.Message.Method != HttpMethod.Get)
            request.SetHeader("CSRFPreventionToken", ticket.Prevention);
        return generation;
    }

    public async ValueTask<bool> RenewAsync(long used, RestResult refusal, Call call)
    {
        _cache.Refuse(used);
        return (await _cache.GetAsync(call)).Generation != used;
    }

    public void Dispose()
    {
        _cache.Dispose();
        _client.Dispose();
    }

    private async ValueTask<AccessToken> SignInAsync(Call call)
    {
        var password = PveSignIn.Text(await _host.ReadCredentialAsync(ProxmoxDescriptor.PasswordCredential, call.Cancellation));
        var answer = await _client.SendAsync(call, new PveForm().Set("username", _user).Set("password", password).Post("access/ticket") with { Mutates = false });
        if (answer.Error is { } error)
            throw new DriverException(error with { Scope = ErrorScope.Account });
        if (Find(answer, "ticket") is not { Length: > 0 } ticket || ticket.Contains("!tfa!", StringComparison.Ordinal) || Find(answer, "CSRFPreventionToken") is not { Length: > 0 } prevention)
            throw new DriverException(new DriverError
            {
                Code = ErrorCode.Unauthenticated,
                Effect = Effect.NotApplied,
                Scope = ErrorScope.Account,
                // A second factor is asked for with a ticket of another kind, and nobody is there to give it.
                Message = "The sign-in gave no ticket. Users with a second factor can't be used; make an API token.",
            });
        return new Ticket(ticket, prevention, _host.Time.GetUtcNow() + Life);
    }

    private static string? Find(RestResult answer, string name)
    {
        try
        {
            return JsonText.Find(answer.Body, "data", name);
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }

    private sealed class Ticket(string value, string prevention, DateTimeOffset expires) : AccessToken(value, expires)
    {
        public string Prevention { get; } = prevention;
    }
}

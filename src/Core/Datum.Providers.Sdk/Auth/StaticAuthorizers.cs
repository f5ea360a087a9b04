using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>A fixed secret in a header: an API key, a personal token, <c>PVEAPIToken=user@realm!id=uuid</c>.</summary>
public sealed class ApiKeyAuthorizer : IRequestAuthorizer
{
    private readonly string _header;
    private readonly string _value;
    private readonly string _key;

    /// <summary>Sends <paramref name="prefix"/> and the key in <paramref name="header"/>.</summary>
    public ApiKeyAuthorizer(string header, string key, string prefix = "")
    {
        _header = header;
        _key = key;
        _value = prefix + key;
    }

    /// <summary>Sends <c>Authorization: Bearer KEY</c>.</summary>
    public static ApiKeyAuthorizer Bearer(string key) => new("Authorization", key, "Bearer ");

    /// <inheritdoc/>
    public ValueTask<long> AuthorizeAsync(OutgoingRequest request)
    {
        request.SetHeader(_header, _value);
        request.AddSecret(_key);
        return ValueTask.FromResult(0L);
    }
}

/// <summary>User and password (RFC 7617), in UTF-8.</summary>
public sealed class BasicAuthorizer : IRequestAuthorizer
{
    private readonly string _password;
    private readonly string _pair;

    /// <summary>Throws <see cref="ArgumentException"/> when the user holds a colon, which the scheme can't send.</summary>
    public BasicAuthorizer(string user, string password)
    {
        if (user.Contains(':', StringComparison.Ordinal))
            throw new ArgumentException("A user name with ':' can't be sent by basic authentication.", nameof(user));
        _password = password;
        _pair = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"));
    }

    /// <inheritdoc/>
    public ValueTask<long> AuthorizeAsync(OutgoingRequest request)
    {
        request.SetHeader("Authorization", "Basic " + _pair);
        request.AddSecret(_pair);
        request.AddSecret(_password);
        return ValueTask.FromResult(0L);
    }
}

using System.Net;

namespace Datum.Providers.Kubernetes;

/// <summary>The URL of a proxy. Its user name and password become credentials, so that no message quotes them.</summary>
internal static class ProxyAddress
{
    public static Uri? Parse(string? text, Func<string, Exception> error)
    {
        if (text is null)
            return null;
        // The platform's name for "let the proxy resolve the name" is the only one that socks5 has there.
        var normal = text.StartsWith("socks5h://", StringComparison.OrdinalIgnoreCase) ? "socks5" + text["socks5h".Length..] : text;
        return Uri.TryCreate(normal, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" or "socks5" && address.Host.Length > 0
            ? address : throw error("is no URL of a proxy; the schemes are http, https and socks5");
    }

    /// <summary>The address alone: the platform's messages quote it.</summary>
    public static Uri WithoutCredentials(Uri address) => address.UserInfo.Length == 0 ? address : new UriBuilder(address) { UserName = "", Password = "" }.Uri;

    public static NetworkCredential? Credentials(Uri address)
    {
        if (address.UserInfo.Length == 0)
            return null;
        var parts = address.UserInfo.Split(':', 2);
        return new NetworkCredential(Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "");
    }
}

/// <summary>The proxy that a connection names: used for every request.</summary>
internal sealed class FixedProxy(Uri address) : IWebProxy
{
    public ICredentials? Credentials { get => ProxyAddress.Credentials(address); set => throw new NotSupportedException(); }

    public Uri? GetProxy(Uri destination) => ProxyAddress.WithoutCredentials(address);

    public bool IsBypassed(Uri host) => false;
}

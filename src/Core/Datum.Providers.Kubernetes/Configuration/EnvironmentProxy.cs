using System.Globalization;
using System.Net;

namespace Datum.Providers.Kubernetes;

/// <summary>
/// HTTPS_PROXY, HTTP_PROXY and NO_PROXY by the rules of Go's httpproxy package, which kubectl follows: no proxy to loopback;
/// NO_PROXY holds <c>*</c>, addresses, ranges (10.0.0.0/8), names with their subdomains and <c>.suffixes</c> for subdomains alone,
/// each but ranges with an optional port. The platform's own reading knows neither ranges nor ports nor subdomains of a name.
/// </summary>
internal sealed class EnvironmentProxy : IWebProxy
{
    private readonly string[] _except;
    private readonly Uri? _address;

    private EnvironmentProxy(Uri? address, string[] except)
    {
        _address = address;
        _except = except;
    }

    public ICredentials? Credentials
    {
        get => _address is null ? null : ProxyAddress.Credentials(_address);
        set => throw new NotSupportedException();
    }

    /// <summary>The proxy of the environment for a server; null when none is set.</summary>
    /// <exception cref="KubeConfigException">The variable holds no proxy.</exception>
    public static EnvironmentProxy? For(Uri server, KubeEnvironment environment)
    {
        var upper = server.Scheme == "https" ? "HTTPS_PROXY" : "HTTP_PROXY";
        // A CGI program's HTTP_PROXY is a header that the caller sent.
        if (upper == "HTTP_PROXY" && environment.Text("REQUEST_METHOD") is not null)
            return null;
        var name = environment.Text(upper) is not null ? upper : upper.ToLowerInvariant();
        if (environment.Text(name) is not { } text)
            return null;
        var address = ProxyAddress.Parse(text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text, problem => new KubeConfigException($"{name}: {problem}. Correct or unset it."));
        var except = environment.Text("NO_PROXY") ?? environment.Text("no_proxy") ?? "";
        return new EnvironmentProxy(address, except.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    public Uri? GetProxy(Uri destination) => IsBypassed(destination) || _address is null ? null : ProxyAddress.WithoutCredentials(_address);

    public bool IsBypassed(Uri host)
    {
        var name = host.IdnHost.TrimEnd('.').ToLowerInvariant();
        var address = IPAddress.TryParse(name.Trim('[', ']'), out var parsed) ? parsed : null;
        return name == "localhost" || (address is not null && IPAddress.IsLoopback(address)) || _except.Any(e => Matches(e.ToLowerInvariant(), name, address, host.Port));
    }

    private static bool Matches(string exception, string name, IPAddress? address, int port)
    {
        if (exception == "*")
            return true;
        if (exception.Contains('/', StringComparison.Ordinal))
            return address is not null && IPNetwork.TryParse(exception, out var range) && range.Contains(address);
        if (IPAddress.TryParse(exception, out var only))
            return only.Equals(address);
        var colon = exception.LastIndexOf(':');
        if (colon >= 0)
        {
            if (!int.TryParse(exception.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var wanted) || wanted != port)
                return false;
            exception = exception[..colon];
            if (IPAddress.TryParse(exception.Trim('[', ']'), out only))
                return only.Equals(address);
        }
        if (exception.StartsWith("*.", StringComparison.Ordinal))
            exception = exception[1..];
        if (exception.StartsWith('.'))
            return name.EndsWith(exception, StringComparison.Ordinal);
        return name == exception || name.EndsWith("." + exception, StringComparison.Ordinal);
    }
}

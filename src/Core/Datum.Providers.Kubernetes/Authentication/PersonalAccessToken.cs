using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;

namespace Datum.Providers.Kubernetes;

/// <summary>Exchanges a personal access token for a bearer token of an hour: <c>GET</c> on the endpoint with the one as bearer, as Datum Cloud's documents do.</summary>
public sealed class PersonalAccessToken : TokenIssuer
{
    private readonly string _path;
    private readonly Uri _endpoint;
    private readonly X509Certificate2Collection? _authorities;

    /// <param name="path">A file that holds the personal access token alone.</param>
    /// <param name="endpoint">The exchange's address.</param>
    /// <param name="authorities">Who signs its certificate; null trusts the machine's own.</param>
    /// <exception cref="KubeConfigException">The file or the address can't be used.</exception>
    public PersonalAccessToken(string path, string endpoint, X509Certificate2Collection? authorities = null)
    {
        (_path, _endpoint, _authorities) = (path, TokenEndpoint.Check(endpoint, "tokenEndpoint"), authorities);
        Read();
    }

    public override string Origin => _path;

    public override Task<AccessToken> IssueAsync(TimeProvider time, CancellationToken cancellation) =>
        IssueAsync(Read(), time, cancellation);

    private async Task<AccessToken> IssueAsync(string token, TimeProvider time, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _endpoint) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
        return await TokenEndpoint.AskAsync(request, _authorities, _path, time, cancellation);
    }

    private string Read()
    {
        var token = SecretFile.Read(_path).Trim();
        return token.Length > 0 && token.All(c => c is > ' ' and <= '~') ? token
            : throw new KubeConfigException($"{_path}: must hold a personal access token alone, in one line.");
    }
}

using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Projects;

/// <summary>Where Projects are found, who we are there, and which of them are worked on.</summary>
public sealed record FrontDoorSettings
{
    /// <summary>The server with the credentials; its path is what stands before the planes' paths.</summary>
    public required KubernetesConnection Door { get; init; }

    /// <summary>Path of the plane that has the Projects: an organization's, or <c>/</c> for the core plane.</summary>
    public required string DiscoveryPath { get; init; }

    /// <summary>Path of a project's plane; <c>{name}</c> stands for the Project's name.</summary>
    public required string ProjectPath { get; init; }

    /// <summary>True: the Projects of the older group.</summary>
    public bool Older { get; init; }

    /// <summary>Labels that a Project must have; null for any.</summary>
    public string? Selector { get; init; }

    /// <summary>The only Projects that are worked on; null for all that match.</summary>
    public IReadOnlySet<string>? Names { get; init; }

    /// <summary>False: the core controllers stay off, also where a plane's kinds are ours.</summary>
    public bool Core { get; init; } = true;

    internal KubernetesConnection Plane(string project) => Door.At(Prefix + ProjectPath.Replace(FrontDoorFile.Placeholder, Uri.EscapeDataString(project), StringComparison.Ordinal));

    internal KubernetesConnection Discovery => Door.At(Prefix + DiscoveryPath);

    private string Prefix => Door.Server.AbsolutePath.TrimEnd('/');
}

/// <summary>Reads the file that <c>run --projects</c> names. Every error names the field and what to do, never a secret.</summary>
public static class FrontDoorFile
{
    internal const string Placeholder = "{name}";
    private const string ExchangePath = "/datum-os/oauth/token/exchange";
    private const string Group = ResourceTypes.ResourceManagerGroup + "/v1alpha1";
    private const string OlderGroup = ResourceTypes.OlderResourceManagerGroup + "/v1alpha";

    /// <exception cref="KubeConfigException">It can't be used.</exception>
    public static FrontDoorSettings Read(string path)
    {
        var root = Parse(path);
        KubeConfigException Wrong(string field, string problem) => new($"{path}: {field} {problem}.");
        void Only(JsonObject map, string at, params ReadOnlySpan<string> known)
        {
            foreach (var (key, _) in map)
                if (!known.Contains(key))
                    throw Wrong(at + key, $"is unknown; known are {string.Join(", ", known.ToArray())}");
        }
        string? Text(JsonObject map, string at, string key) => map[key] is not { } value ? null
            : value.GetValueKind() is JsonValueKind.String && (string?)value is { Length: > 0 } text ? text : throw Wrong(at + key, "must be a text");
        JsonObject? Map(string key) => root[key] is not { } value ? null : value as JsonObject ?? throw Wrong(key, "must be a mapping");
        string Beside(string file) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, file);
        string PathOf(string key, string otherwise) => Text(root, "", key) is not { } template ? otherwise
            : template.StartsWith('/') && template.Split(Placeholder).Length == 2 ? template : throw Wrong(key, $"must be a path that begins with '/' and has {Placeholder} once");

        Only(root, "", "server", "organization", "certificateAuthority", "credentials", "tokenEndpoint", "organizationPath", "projectPath", "projects", "coreControllers");
        var projects = Map("projects") ?? [];
        Only(projects, "projects.", "apiVersion", "selector", "names");
        var apiVersion = Text(projects, "projects.", "apiVersion") ?? Group;
        if (apiVersion is not (Group or OlderGroup))
            throw Wrong("projects.apiVersion", $"must be {Group} or {OlderGroup}");
        var names = projects["names"] is not { } list ? null : list is JsonArray { Count: > 0 } array
            ? array.Select(n => n?.GetValueKind() is JsonValueKind.String ? (string)n! : throw Wrong("projects.names", "must be a list of texts")).ToHashSet(StringComparer.Ordinal)
            : throw Wrong("projects.names", "must be a list of names; remove it to take all");
        if (Text(projects, "projects.", "selector") is { } selector && selector.Any(char.IsControl))
            throw Wrong("projects.selector", "must be a label selector such as env=prod,team in (a, b)");
        var core = Text(root, "", "coreControllers") ?? "auto";
        if (core is not ("auto" or "never"))
            throw Wrong("coreControllers", "must be auto or never");

        var organization = Text(root, "", "organization");
        if (organization is not null && !organization.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.'))
            throw Wrong("organization", "must be an organization's name");
        return new FrontDoorSettings
        {
            Door = Door(),
            DiscoveryPath = organization is null ? "/" : PathOf("organizationPath", $"/apis/{apiVersion}/organizations/{Placeholder}/control-plane").Replace(Placeholder, organization, StringComparison.Ordinal),
            ProjectPath = PathOf("projectPath", $"/apis/{apiVersion}/projects/{Placeholder}/control-plane"),
            Older = apiVersion == OlderGroup, Selector = Text(projects, "projects.", "selector"), Names = names, Core = core == "auto",
        };

        KubernetesConnection Door()
        {
            var credentials = Map("credentials") ?? throw Wrong("credentials", "is missing; set one of serviceAccountKey, personalAccessToken and kubeconfig in it");
            const string at = "credentials.";
            Only(credentials, at, "serviceAccountKey", "personalAccessToken", "kubeconfig", "context");
            var (key, personal, kubeconfig) = (Text(credentials, at, "serviceAccountKey"), Text(credentials, at, "personalAccessToken"), Text(credentials, at, "kubeconfig"));
            if (new[] { key, personal, kubeconfig }.Count(c => c is not null) != 1)
                throw Wrong("credentials", "must have exactly one of serviceAccountKey, personalAccessToken and kubeconfig");
            var server = Text(root, "", "server");
            var endpoint = Text(root, "", "tokenEndpoint");
            if (kubeconfig is not null)
            {
                foreach (var other in (ReadOnlySpan<string>)["server", "certificateAuthority", "tokenEndpoint"])
                    if (root.ContainsKey(other))
                        throw Wrong(other, "stands in the kubeconfig already; remove it here");
                return KubeConfig.Find(Beside(kubeconfig), Text(credentials, at, "context"));
            }
            if (credentials.ContainsKey("context"))
                throw Wrong("credentials.context", "belongs to a kubeconfig");
            if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.UserInfo.Length > 0 || address.Query.Length > 0 || !(address.Scheme == "https" || (address.Scheme == "http" && address.IsLoopback)))
                throw Wrong("server", "must be an https URL without user name and query (http only to loopback), such as https://api.example.com");
            X509Certificate2Collection? authorities = null;
            var file = Text(root, "", "certificateAuthority") is { } pem ? Beside(pem) : null;
            try
            {
                if (file is not null)
                    (authorities = []).ImportFromPemFile(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
            {
                throw Wrong("certificateAuthority", $"can't be read ({e.Message.TrimEnd('.')})");
            }
            if (authorities is { Count: 0 })
                throw Wrong("certificateAuthority", "holds no certificate");
            TokenIssuer issuer = key is not null ? new ServiceAccountKey(Beside(key), endpoint, authorities)
                : new PersonalAccessToken(Beside(personal!), endpoint ?? address.GetLeftPart(UriPartial.Authority) + ExchangePath, authorities);
            return new KubernetesConnection { Server = address, Authorities = authorities, AuthoritiesFile = file, Tokens = new AccessTokens(issuer) };
        }
    }

    private static JsonObject Parse(string path)
    {
        try
        {
            return YamlJson.Parse(File.ReadAllBytes(path)) is [JsonObject root] ? root : throw new KubeConfigException($"{path}: must be one YAML mapping; see docs/reference/datum-cloud.md.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException($"{path}: can't be read ({e.Message.TrimEnd('.')}).", e);
        }
        catch (Exception e) when (e is JsonException or FormatException or YamlDotNet.Core.YamlException)
        {
            throw new KubeConfigException($"{path}: isn't readable YAML. Correct it; see docs/reference/datum-cloud.md.");
        }
    }
}

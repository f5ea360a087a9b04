namespace Datum.Providers.Clouds.Proxmox;

/// <summary>Holds requests and answers to the API schema of one release.</summary>
public sealed class ApiSchema
{
    public static ApiSchema Load(string file) => new();

    internal IReadOnlyDictionary<string, string> CheckRequest(string operation, IReadOnlyDictionary<string, string> path, PveRequest request) => ImmutableDictionary<string, string>.Empty;

    internal IReadOnlyList<string> CheckAnswer(string operation, JsonNode? data) => [];
}

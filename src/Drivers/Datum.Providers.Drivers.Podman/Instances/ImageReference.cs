namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>Image references as Docker Hub's clients read them, so that a short name never depends on the machine's search list.</summary>
internal static class ImageReference
{
    private const string Hub = "docker.io";

    /// <summary><c>nginx</c> is <c>docker.io/library/nginx:latest</c>; null for text that is no reference.</summary>
    public static string? Normalize(string text)
    {
        if (text.Length is 0 or > 512 || text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) || text.Contains("://", StringComparison.Ordinal))
            return null;
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var digest = at < 0 ? "" : text[at..];
        var name = at < 0 ? text : text[..at];
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : name[..slash];
        var hasRegistry = first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal) || first == "localhost";
        var registry = hasRegistry ? first : Hub;
        var path = hasRegistry ? name[(slash + 1)..] : name;
        var colon = path.LastIndexOf(':');
        var tag = colon > path.LastIndexOf('/') ? path[colon..] : "";
        var repository = tag.Length > 0 ? path[..colon] : path;
        if (repository.Length == 0 || tag == ":" || digest == "@" || repository.Any(char.IsUpper))
            return null;
        if (registry == Hub && !repository.Contains('/', StringComparison.Ordinal))
            repository = "library/" + repository;
        // With a digest the tag says nothing, and Podman 4 refuses the two together.
        return digest.Length > 0 ? $"{registry}/{repository}{digest}" : $"{registry}/{repository}{(tag.Length > 0 ? tag : ":latest")}";
    }

    /// <summary>The registry of a normalised reference.</summary>
    public static string Registry(string normalized) => normalized[..normalized.IndexOf('/', StringComparison.Ordinal)];
}

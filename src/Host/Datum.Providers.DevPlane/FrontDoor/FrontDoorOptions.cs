namespace Datum.Providers.DevPlane;

/// <summary>Many planes in one server: which kinds make them, where they are served, who may use them.</summary>
public sealed record FrontDoorOptions
{
    /// <summary>Bearer tokens and service accounts (YAML, mode 0600, read again when it changes); null knows only the plane's own tokens.</summary>
    public string? TokenFile { get; init; }

    /// <summary>The kinds whose objects each have a plane of their own.</summary>
    public required IReadOnlyList<PlaneKind> Kinds { get; init; }

    /// <summary>Annotation of a definition: a comma-separated list of the contexts that serve it besides the core plane. Without it all do.</summary>
    public string ContextsAnnotation { get; init; } = "discovery.miloapis.com/parent-contexts";

    /// <summary>Finalizer that holds an object of such a kind until its plane is empty.</summary>
    public string Finalizer { get; init; } = "devplane.providers.datumapis.com/control-plane";

    /// <summary>Where a personal access token is exchanged for a bearer token.</summary>
    public string ExchangePath { get; init; } = "/datum-os/oauth/token/exchange";

    /// <summary>Where a service account's signed assertion is exchanged for a bearer token.</summary>
    public string TokenPath { get; init; } = "/oauth/v2/token";

    /// <summary>Life of an issued bearer token.</summary>
    public TimeSpan TokenLife { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Time between looks at the token file.</summary>
    public TimeSpan TokenFilePeriod { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>A kind whose cluster-scoped objects each have a plane, named like the object.</summary>
public sealed record PlaneKind
{
    /// <summary>The word for such a plane in a definition's annotation and in messages, such as "Project".</summary>
    public required string Context { get; init; }

    /// <summary>The field of a token that lists these planes, such as "projects".</summary>
    public required string TokenField { get; init; }

    /// <summary>The resources that are this kind. A name that two of them use belongs to the one that had it first.</summary>
    public required IReadOnlyList<PlaneResource> Resources { get; init; }

    /// <summary>Paths under which NAME/control-plane leads to the plane of that name, whichever resource made it.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>Contexts whose planes make planes of this kind too; the core plane always does.</summary>
    public IReadOnlyList<string> AlsoMadeIn { get; init; } = [];

    /// <summary>Type of the condition that says whether the plane serves.</summary>
    public string ReadyCondition { get; init; } = "Ready";
}

/// <summary>A resource by group and plural.</summary>
public sealed record PlaneResource(string Group, string Plural)
{
    internal string Key => Group + "/" + Plural;
}

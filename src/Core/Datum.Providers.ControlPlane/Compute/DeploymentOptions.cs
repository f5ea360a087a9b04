using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>What goes beyond upstream and is asked for by annotations of the Workload; its deployments carry them. Everything is off by default.</summary>
public sealed record DeploymentOptions
{
    private static readonly string[] s_keys = [Annotations.LocationSpread, Annotations.LocationFallback, Annotations.RolloutOnChange, Annotations.Autoscale, Annotations.Suspended];

    /// <summary>Instances are spread over the Locations of the city.</summary>
    public bool Spread { get; init; }

    /// <summary>An instance that its Location has no room or quota for is tried at the next one.</summary>
    public bool Fallback { get; init; }

    /// <summary>Changes of the config maps and secrets that the template names are rolled out.</summary>
    public bool RolloutOnChange { get; init; }

    /// <summary>The number of instances follows the metrics, between minReplicas and maxReplicas.</summary>
    public bool Autoscale { get; init; }

    /// <summary>The instances are stopped and keep everything.</summary>
    public bool Suspended { get; init; }

    public static DeploymentOptions Of(WorkloadDeployment deployment)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        var metadata = deployment.Metadata;
        return new()
        {
            Spread = metadata.Annotation(Annotations.LocationSpread) == "true",
            Fallback = metadata.Annotation(Annotations.LocationFallback) == "true",
            RolloutOnChange = metadata.Annotation(Annotations.RolloutOnChange) == "true",
            Autoscale = metadata.Annotation(Annotations.Autoscale) == "true",
            Suspended = metadata.Annotation(Annotations.Suspended) == "true",
        };
    }

    /// <summary>Why an annotation can't be honoured; null when all can (law L11).</summary>
    public static string? Refusal(Workload workload)
    {
        ArgumentNullException.ThrowIfNull(workload);
        foreach (var key in s_keys)
        {
            if (workload.Metadata.Annotation(key) is { } value and not ("true" or "false"))
                return $"metadata.annotations[{key}] is '{value}'; \"true\" or \"false\" is possible.";
            if (key != Annotations.Suspended && workload.Spec.Template.Metadata?.Annotations?.ContainsKey(key) == true)
                return $"spec.template.metadata.annotations[{key}] does nothing there; put it into metadata.annotations of the Workload.";
        }

        return null;
    }

    /// <summary>Gives a deployment exactly what its Workload says.</summary>
    internal static void Inherit(Workload workload, ObjectMeta deployment)
    {
        foreach (var key in s_keys)
        {
            if (workload.Metadata.Annotation(key) is { } value)
                (deployment.Annotations ??= [])[key] = value;
            else
                deployment.Annotations?.Remove(key);
        }
    }
}

import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.hl7.fhir.convertors.factory.VersionConvertorFactory_40_50;
import org.hl7.fhir.convertors.loaders.loaderR5.NullLoaderKnowledgeProviderR5;
import org.hl7.fhir.convertors.loaders.loaderR5.R4ToR5Loader;
import org.hl7.fhir.r4.formats.IParser.OutputStyle;
import org.hl7.fhir.r4.formats.JsonParser;
import org.hl7.fhir.r4.formats.XmlParser;
import org.hl7.fhir.r5.conformance.profile.ProfileUtilities;
import org.hl7.fhir.r5.context.SimpleWorkerContext;
import org.hl7.fhir.r5.model.CanonicalResource;
import org.hl7.fhir.r5.model.CanonicalType;
import org.hl7.fhir.r5.model.ElementDefinition;
import org.hl7.fhir.r5.model.Parameters;
import org.hl7.fhir.r5.model.Resource;
import org.hl7.fhir.r5.model.StructureDefinition;
import org.hl7.fhir.utilities.npm.NpmPackage;
import org.hl7.fhir.utilities.validation.ValidationMessage;

/**
 * Snapshots as the HL7 reference implementation makes them, to compare ours with; see tools/compare_snapshots.py.
 *
 * convert IN OUT          R4 resources in XML or JSON to JSON
 * generate CORE JOBS OUT  one snapshot per line of JOBS: name TAB input TAB file or folder of supporting resources, ...
 */
public class Snapshots {
  private static final Set<String> TYPES = Set.of("StructureDefinition", "ValueSet", "CodeSystem");

  public static void main(String[] args) throws Exception {
    if (args[0].equals("convert")) {
      convert(Paths.get(args[1]), Paths.get(args[2]));
    } else {
      generate(args[1], Paths.get(args[2]), Paths.get(args[3]));
    }
  }

  private static void convert(Path in, Path out) throws Exception {
    for (Path file : files(in)) {
      try {
        write(out.resolve(stem(file) + ".json"), read(file));
      } catch (Exception error) {
        System.err.println(file.getFileName() + ": " + error.getMessage());
      }
    }
  }

  private static void generate(String core, Path jobs, Path out) throws Exception {
    SimpleWorkerContext context;
    try (InputStream stream = new FileInputStream(core)) {
      context = new SimpleWorkerContext.SimpleWorkerContextBuilder()
          .withAllowLoadingDuplicates(true)
          .fromPackage(NpmPackage.fromPackage(stream), new R4ToR5Loader(TYPES, new NullLoaderKnowledgeProviderR5(), "4.0.1"), false);
    }
    context.setExpansionParameters(new Parameters());
    List<Resource> registered = new ArrayList<>();
    String support = "";
    for (String line : Files.readAllLines(jobs)) {
      String[] job = line.split("\t", -1);
      if (!job[2].equals(support)) {
        for (Resource resource : registered) {
          context.dropResource(resource);
        }
        registered.clear();
        support = job[2];
        for (String source : support.isEmpty() ? new String[0] : support.split(",")) {
          register(context, Paths.get(source), registered);
        }
      }
      String result;
      try {
        org.hl7.fhir.r4.model.Resource made = snapshot(context, (StructureDefinition) toR5(read(Paths.get(job[1]))));
        write(out.resolve(job[0] + ".json"), made);
        result = "made";
      } catch (Throwable error) {
        Files.writeString(out.resolve(job[0] + ".error"), String.valueOf(error.getMessage()));
        result = "refused";
      }
      System.out.println(job[0] + "\t" + result);
    }
  }

  private static org.hl7.fhir.r4.model.Resource snapshot(SimpleWorkerContext context, StructureDefinition derived) throws Exception {
    StructureDefinition base = completeNeeds(context, derived, new HashSet<>(Set.of(derived.getUrl())));
    derived.setSnapshot(null);
    List<ValidationMessage> messages = new ArrayList<>();
    ProfileUtilities utilities = utilities(context, messages);
    List<String> errors = new ArrayList<>();
    utilities.sortDifferential(base, derived, derived.getName(), errors, false);
    utilities.generateSnapshot(base, derived, derived.getUrl(), "", derived.getName());
    for (ValidationMessage message : messages) {
      if (message.getLevel() == ValidationMessage.IssueSeverity.ERROR || message.getLevel() == ValidationMessage.IssueSeverity.FATAL) {
        System.err.println(derived.getUrl() + ": " + message.getMessage());
      }
    }
    return VersionConvertorFactory_40_50.convertResource(derived);
  }

  /** Snapshots of what a definition needs come first, since a context left to itself does not sort differentials. */
  private static void complete(SimpleWorkerContext context, StructureDefinition definition, Set<String> underWay) {
    if (definition == null || definition.hasSnapshot() || !underWay.add(definition.getUrl())) {
      return;
    }
    StructureDefinition base = completeNeeds(context, definition, underWay);
    ProfileUtilities utilities = utilities(context, new ArrayList<>());
    utilities.sortDifferential(base, definition, definition.getName(), new ArrayList<>(), false);
    utilities.generateSnapshot(base, definition, definition.getUrl(), "", definition.getName());
  }

  private static StructureDefinition completeNeeds(SimpleWorkerContext context, StructureDefinition definition, Set<String> underWay) {
    for (ElementDefinition element : definition.getDifferential().getElement()) {
      for (ElementDefinition.TypeRefComponent type : element.getType()) {
        for (CanonicalType profile : type.getProfile()) {
          complete(context, context.fetchResource(StructureDefinition.class, profile.getValue()), underWay);
        }
      }
    }
    StructureDefinition base = context.fetchResource(StructureDefinition.class, definition.getBaseDefinition());
    if (base == null) {
      throw new IllegalStateException("unknown base " + definition.getBaseDefinition());
    }
    complete(context, base, underWay);
    return base;
  }

  private static ProfileUtilities utilities(SimpleWorkerContext context, List<ValidationMessage> messages) {
    ProfileUtilities utilities = new ProfileUtilities(context, messages, null);
    utilities.setNewSlicingProcessing(true);
    utilities.setThrowException(false);
    utilities.setAutoFixSliceNames(true);
    return utilities;
  }

  private static void register(SimpleWorkerContext context, Path source, List<Resource> registered) throws Exception {
    for (Path file : Files.isDirectory(source) ? files(source) : List.of(source)) {
      Resource resource = toR5(read(file));
      if (resource instanceof CanonicalResource) {
        context.cacheResource(resource);
        registered.add(resource);
      }
    }
  }

  private static Resource toR5(org.hl7.fhir.r4.model.Resource resource) {
    return VersionConvertorFactory_40_50.convertResource(resource);
  }

  private static org.hl7.fhir.r4.model.Resource read(Path file) throws Exception {
    byte[] content = Files.readAllBytes(file);
    return file.toString().endsWith(".xml") ? new XmlParser().parse(content) : new JsonParser().parse(content);
  }

  private static void write(Path file, org.hl7.fhir.r4.model.Resource resource) throws Exception {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    new JsonParser().setOutputStyle(OutputStyle.PRETTY).compose(text, resource);
    Files.write(file, text.toByteArray());
  }

  private static List<Path> files(Path folder) throws Exception {
    try (Stream<Path> found = Files.list(folder)) {
      return found.filter(file -> file.toString().matches(".*\\.(xml|json)") && !file.endsWith("package.json")).sorted().collect(Collectors.toList());
    }
  }

  private static String stem(Path file) {
    return file.getFileName().toString().replaceFirst("\\.(xml|json)$", "");
  }
}

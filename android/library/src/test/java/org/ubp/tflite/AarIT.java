// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.Test;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** The packed Android archive. */
public final class AarIT {

  private static final File AAR = new File(System.getProperty("ubp.aar.file"));

  @Test
  public void itHoldsWhatAnAndroidArchiveHolds() throws IOException {
    try (ZipFile aar = new ZipFile(AAR)) {
      Set<String> names =
          aar.stream()
              .map(ZipEntry::getName)
              .filter(name -> !name.endsWith("/"))
              .collect(Collectors.toCollection(TreeSet::new));
      Set<String> libraries =
          names.stream()
              .filter(name -> name.startsWith("jni/"))
              .map(name -> name.substring(name.lastIndexOf('/') + 1))
              .collect(Collectors.toCollection(TreeSet::new));
      assertEquals(
          new TreeSet<>(Arrays.asList("libubp_delegate.so", "libubp_delegate_jni.so")), libraries);
      names.removeIf(name -> name.startsWith("jni/"));
      List<String> rest =
          Arrays.asList("AndroidManifest.xml", "R.txt", "classes.jar", "proguard.txt");
      assertEquals(new TreeSet<>(rest), names);
    }
  }

  @Test
  public void itsClassesAreOursAlone() throws IOException {
    Set<String> classes = new HashSet<>();
    try (ZipFile aar = new ZipFile(AAR);
        ZipInputStream jar = new ZipInputStream(aar.getInputStream(aar.getEntry("classes.jar")))) {
      for (ZipEntry entry; (entry = jar.getNextEntry()) != null; ) {
        if (entry.getName().endsWith(".class")) {
          classes.add(entry.getName());
        }
      }
    }
    assertTrue(classes.contains("org/ubp/tflite/UbpDelegate.class"));
    assertFalse(classes.stream().anyMatch(name -> !name.startsWith("org/ubp/tflite/")));
  }

  @Test
  public void itsManifestNamesThePackage() throws Exception {
    assertEquals("org.ubp.tflite", manifest().getAttribute("package"));
  }

  @Test
  public void itsManifestAsksForTheVendorsOpenClLibrariesAndDoesWithout() throws Exception {
    NodeList entries = manifest().getElementsByTagName("uses-native-library");
    Set<String> names = new TreeSet<>();
    for (int i = 0; i < entries.getLength(); ++i) {
      Element entry = (Element) entries.item(i);
      assertEquals("application", entry.getParentNode().getNodeName());
      assertEquals("false", entry.getAttribute("android:required"));
      names.add(entry.getAttribute("android:name"));
    }
    // What delegate/opencl/runtime/api.cc opens by name.
    List<String> expected =
        Arrays.asList("libOpenCL.so", "libOpenCL-pixel.so", "libOpenCL-car.so");
    assertEquals(new TreeSet<>(expected), names);
  }

  private static Element manifest() throws Exception {
    try (ZipFile aar = new ZipFile(AAR)) {
      byte[] manifest = aar.getInputStream(aar.getEntry("AndroidManifest.xml")).readAllBytes();
      return DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(new ByteArrayInputStream(manifest))
          .getDocumentElement();
    }
  }
}
